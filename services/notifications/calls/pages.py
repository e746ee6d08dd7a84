"""The call list, for the desk of the organisation whose events they are."""

from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from services.notifications.calls.commands import tell
from services.notifications.calls.queries import ended_calls, host_of_call, open_calls
from services.notifications.calls.rendering import Sayings
from services.notifications.deliveries.pages import TEMPLATES
from services.notifications.events.queries import events_by_id
from shared.auth.members import Member
from shared.auth.rights import Right
from shared.auth.sign_in import MemberDep, require
from shared.database.engine import Database
from shared.i18n.plain import one_line
from shared.runtime.api import DatabaseDep, FormDep, PagesDep
from shared.web.pages import Pages
from shared.web.problem import Problem

router = APIRouter(include_in_schema=False)

CALLS = "/notifications/console/calls"
OF_ONE_PAGE = 30
LONGEST_SEARCH = 200

PageNumber = Annotated[int, Query(ge=1, le=10_000)]


@router.get(CALLS)
async def call_list(
    request: Request,
    member: MemberDep,
    database: DatabaseDep,
    pages: PagesDep,
    event: UUID | None = None,
    ended: str = "",
    page: PageNumber = 1,
    done: str = "",
) -> Response:
    """Whom to tell what, the most urgent first; with `ended`, what was told."""
    shown = _Shown(event, ended=bool(ended), page=page)
    return await _list(request, member, database, pages, shown, done=done)


@router.post(CALLS)
async def search(
    request: Request,
    member: MemberDep,
    database: DatabaseDep,
    pages: PagesDep,
    form: FormDep,
    event: UUID | None = None,
    ended: str = "",
) -> Response:
    """The entries of people with this name. By POST, so that no name stands in an address."""
    words = one_line(str(form.get("words", "")))[:LONGEST_SEARCH]
    return await _list(request, member, database, pages, _Shown(event, ended=bool(ended), words=words))


@router.post(CALLS + "/{delivery_id}/told")
async def told(delivery_id: UUID, member: MemberDep, database: DatabaseDep, pages: PagesDep, form: FormDep) -> Response:
    """The member has told the person this, and what came before it."""
    async with database.read() as session:
        host = await host_of_call(session, delivery_id)
    if host is None:
        raise Problem(404)
    require(member.access_to(host), Right.DESK)
    async with database.begin() as session:
        first = await tell(session, member, host, delivery_id, datetime.now(UTC))
    shown = _Shown(_event_of(str(form.get("event", ""))))
    return pages.redirect(shown.address(done="told" if first else "already"))


def _event_of(typed: str) -> UUID | None:
    try:
        return UUID(typed)
    except ValueError:
        return None


class _Shown:
    """Which part of the list is shown."""

    def __init__(self, event: UUID | None, *, ended: bool = False, page: int = 1, words: str = "") -> None:
        self.event = event
        self.ended = ended
        self.page = page
        self.words = words

    def address(self, **changes: Any) -> str:
        """The list's address with these parameters changed; never with the words that were searched for."""
        given = {"event": self.event, "ended": "1" if self.ended else None} | changes
        query = urlencode({name: value for name, value in given.items() if value})
        return f"{CALLS}?{query}" if query else CALLS


async def _list(
    request: Request, member: Member, database: Database, pages: Pages, shown: _Shown, done: str = ""
) -> Response:
    desks = member.organisations_where(Right.DESK)
    if not desks:
        raise Problem(403, "role")
    async with database.read() as session:
        found: list[Any] = await (ended_calls if shown.ended else open_calls)(session, desks, shown.event, shown.words)
        last_page = max(1, -(-len(found) // OF_ONE_PAGE))
        page = min(shown.page, last_page)
        part = found[(page - 1) * OF_ONE_PAGE : page * OF_ONE_PAGE]
        listed = {(entry if shown.ended else entry.last).event_id for entry in part}
        events = await events_by_id(session, listed | ({shown.event} if shown.event else set()))
    only = events.get(shown.event) if shown.event else None
    if only is not None and only.state.organisation_id not in desks:
        raise Problem(404)
    return pages.render(
        request,
        "calls.html",
        personal=True,
        shown=shown,
        entries=part,
        total=len(found),
        page=page,
        last_page=last_page,
        only=only,
        events=events,
        sayings=Sayings(events),
        labels=TEMPLATES,
        me=member.person_id,
        base=CALLS,
        done=done,
    )
