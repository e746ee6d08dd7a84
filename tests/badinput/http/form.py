"""A form of a page: where it is, where it goes, and what somebody might honestly type into it."""

from dataclasses import dataclass, field
from uuid import uuid4

from tests.badinput.http.client import Client
from tests.badinput.http.services import Target
from tests.support.registration_pages import FIELD


@dataclass(frozen=True)
class Form:
    """One form. `text` names the fields that people type into, `bad` is an answer that cannot be taken."""

    route: str
    page: str
    action: str
    fields: dict[str, str] = field(default_factory=dict)
    text: tuple[str, ...] = ()
    bad: dict[str, str] = field(default_factory=dict)
    member: bool = True

    def browser(self, target: Target, language: str = "en") -> Client:
        """A browser that has not been here before, of somebody who may see the form."""
        return target.browser(language, member=self.member)

    async def hidden(self, browser: Client) -> dict[str, str]:
        """The form's own fields, as its page gives them to this browser; none where the form is no longer offered."""
        page = await browser.get(self.page)
        if page.status in {303, 409, 410}:
            return {}
        assert page.status == 200, (self.page, page.status)
        _, _, after = page.text.partition(f'action="{self.action}"')
        found = dict(reversed(FIELD.findall(after or page.text)))
        assert "csrf_token" in found, self.page
        return {"request_key": str(uuid4())} | found
