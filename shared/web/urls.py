"""Where the three services are, and what follows from that for origins and for the content security policy."""

from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True)
class ServiceUrls:
    """The base addresses of the services, without a slash at the end.

    Behind one proxy all three are equal; each service's paths begin with its own name there and here.
    """

    events: str
    registrations: str
    notifications: str

    @property
    def origins(self) -> frozenset[str]:
        """The origins (`scheme://host:port`) that forms may come from and go to."""
        return frozenset(origin(url) for url in (self.events, self.registrations, self.notifications))

    @property
    def secure(self) -> bool:
        """Whether browsers reach the services over https."""
        return self.events.startswith("https://")


def origin(url: str) -> str:
    """The scheme, host and port of an address."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def content_security_policy(urls: ServiceUrls, **changes: str) -> str:
    """The policy that all pages share: no scripts, styles or fonts but our own, and no inline ones.

    Args:
        urls: the services, whose origins forms may post to.
        changes: directives that one page needs otherwise, with underscores: `frame_src="'self'"`.
    """
    directives = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' data:",
        "font-src": "'self'",
        "connect-src": "'self'",
        "form-action": " ".join(["'self'", *sorted(urls.origins)]),
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
    }
    directives |= {name.replace("_", "-"): value for name, value in changes.items()}
    return "; ".join(f"{name} {value}" for name, value in directives.items())
