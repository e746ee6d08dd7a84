"""FastAPI dependencies that say who is signed in, and send everybody else to the events service's sign-in."""

from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import quote, urlsplit

from fastapi import Depends, Request

from shared.auth.members import Member, memberships
from shared.auth.rights import Access, Right
from shared.auth.tokens import read_token
from shared.database.engine import Database
from shared.i18n.catalogues import N_
from shared.settings import Settings
from shared.web.csrf import comes_from_elsewhere
from shared.web.pages import Pages
from shared.web.problem import Problem
from shared.web.problems import is_for_programs
from shared.web.urls import ServiceUrls, origin

_LONGEST_NEXT = 2000
_READING = {"GET", "HEAD"}

NO_ORGANISATION = N_("You do not belong to an organisation any more")
NO_ORGANISATION_TEXT = N_("Ask the organisation that you work for to add you again.")


async def member_if_any(request: Request) -> Member | None:
    """The member who is signed in, for a page that everybody may read; its header then shows the member's links."""
    settings: Settings = request.app.state.settings
    person_id = read_token(request, settings, now_of(request))
    member = None
    if person_id is not None:
        database: Database = request.app.state.database
        async with database.read() as session:
            known = await memberships(session, person_id)
        pages: Pages = request.app.state.pages
        member = Member(person_id, known, pages.reader(request).language) if known else None
    request.state.member = member
    return member


async def signed_in_member(request: Request) -> Member:
    """The member who is signed in.

    Raises:
        Problem: 401 for programs; for people a redirect to where the token is renewed, which sends them back, with
            what a form held (RFC 9110 §15.4.8), or lets them sign in. 403 for a person without an organisation, and
            for a request of a program that a foreign site's page sent.
    """
    settings: Settings = request.app.state.settings
    pages: Pages = request.app.state.pages
    if is_for_programs(request) and comes_from_elsewhere(request, pages.urls):
        raise Problem(403, "foreign-request")
    if read_token(request, settings, now_of(request)) is None:
        raise _sign_in_first(request, pages)
    member = await member_if_any(request)
    if member is None:
        _ = pages.reader(request).gettext
        raise Problem(403, "no-organisation", _(NO_ORGANISATION), _(NO_ORGANISATION_TEXT))
    return member


def require(access: Access | None, right: Right) -> Access:
    """The access, where it has the right. Raises Problem: 404 for what is not theirs, 403 for too small a role."""
    if access is None:
        raise Problem(404)
    if not access.may(right):
        raise Problem(403, "role")
    return access


def _sign_in_first(request: Request, pages: Pages) -> Problem:
    if is_for_programs(request):
        return Problem(401, "sign-in", headers={"www-authenticate": "Cookie"})
    status = 303 if request.method in _READING else 307
    return Problem(
        status, "sign-in", headers={"location": renewal_url(request, pages.urls), "cache-control": "no-store"}
    )


def renewal_url(request: Request, urls: ServiceUrls) -> str:
    """Where the token is renewed for this request, and then comes back to it."""
    base: str = getattr(urls, request.app.state.service)
    query = f"?{request.url.query}" if request.url.query else ""
    return f"{urls.events}/sign-in/renew?next={quote(base + request.url.path + query, safe='')}"


def safe_next(next_url: str | None, urls: ServiceUrls, otherwise: str) -> str:
    """Where to go on to: an address of one of the three services, else `otherwise`. Never leads elsewhere."""
    if not next_url or len(next_url) > _LONGEST_NEXT or not next_url.isascii() or not next_url.isprintable():
        return otherwise
    if "\\" in next_url or " " in next_url:
        return otherwise
    if next_url.startswith("/"):
        return otherwise if next_url.startswith("//") else next_url
    try:
        known = urlsplit(next_url).scheme in {"http", "https"} and origin(next_url) in urls.origins
    except ValueError:
        return otherwise
    return next_url if known else otherwise


def now_of(request: Request) -> datetime:
    """The time by which a token is judged: the app's clock (`app.state.clock`) where a test has set one."""
    clock = getattr(request.app.state, "clock", None)
    now: datetime = clock() if clock else datetime.now(UTC)
    return now


MemberDep = Annotated[Member, Depends(signed_in_member)]
ReaderDep = Annotated[Member | None, Depends(member_if_any)]
