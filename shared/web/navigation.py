"""What stands above and below each page of the three services."""

from dataclasses import dataclass
from typing import Literal, Protocol

from shared.i18n.catalogues import N_
from shared.web.urls import ServiceUrls


class SignedIn(Protocol):
    """What the header shows of a signed-in member."""

    @property
    def display_name(self) -> str:
        """How the console greets the member."""
        ...


@dataclass(frozen=True)
class NavigationLink:
    """One link of the header. `seen_by` says who it is for."""

    label: str
    service: Literal["events", "registrations", "notifications"]
    path: str
    seen_by: Literal["everyone", "members", "guests"] = "everyone"

    def url(self, urls: ServiceUrls) -> str:
        """The link's address."""
        base: str = getattr(urls, self.service)
        return base + self.path

    def is_for(self, member: SignedIn | None) -> bool:
        """Whether the reader gets to see it."""
        return self.seen_by == "everyone" or (self.seen_by == "members") == (member is not None)


NAVIGATION = (
    NavigationLink(N_("Programme"), "events", "/events"),
    NavigationLink(N_("Organise"), "events", "/console", "members"),
    NavigationLink(N_("For organisers"), "events", "/sign-in", "guests"),
)


@dataclass(frozen=True)
class FooterLinks:
    """The addresses that each page must lead to; a missing one is left out."""

    privacy: str = ""
    imprint: str = ""
    contact: str = ""

    def labelled(self) -> list[tuple[str, str]]:
        """Each link that there is, as label and address."""
        links = [
            (N_("Privacy"), self.privacy),
            (N_("Imprint"), self.imprint),
            (N_("Contact"), self.contact),
        ]
        return [(label, url) for label, url in links if url]
