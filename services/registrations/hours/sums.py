"""The hours of a year: of each person and each event of an organisation, as a page and as a file."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request
from sqlmodel import col, select
from starlette.responses import Response, StreamingResponse

from services.registrations.events.model import EventRow
from services.registrations.exports.columns import Column
from services.registrations.exports.pages import MEDIA_TYPES, TABLES, Kind, download
from services.registrations.hours.queries import ZONE, SignedHours, signed_hours, year_in
from shared.auth import audit
from shared.auth.members import Member
from shared.auth.rights import Right
from shared.auth.sign_in import MemberDep, now_of
from shared.contracts.events import EventState
from shared.database.engine import ReadSession
from shared.i18n.catalogues import N_
from shared.runtime.api import DatabaseDep, PagesDep
from shared.shifts import post_of
from shared.web.reader import Reader
from shared.web.shown import Shown, pick

router = APIRouter(include_in_schema=False)
SUMS = "/registrations/console/hours"

Year = Annotated[int | None, Query(ge=2000, le=2100)]


class Sum(NamedTuple):
    """What belongs together: a person, or an event."""

    name: str | None
    shifts: int
    minutes: int
    people: int
    event_id: UUID


@dataclass(frozen=True)
class YearOf:
    """An organisation's hours in a year, and its events by id."""

    organisation_id: UUID
    name: Shown
    hours: list[SignedHours]
    events: dict[UUID, EventState]

    @property
    def minutes(self) -> int:
        """All of them."""
        return sum(one.minutes for one in self.hours)

    @property
    def people(self) -> list[Sum]:
        """By person, those with most hours first; the newest name that somebody gave."""
        return _sums(self.hours, "person_id", lambda one: one[-1].name)

    def by_event(self, language: str) -> list[Sum]:
        """By event, those with most hours first."""
        return _sums(self.hours, "event_id", lambda one: pick(self.events[one[0].event_id].title, language).text)


def _sums(hours: Iterable[SignedHours], by: str, name: Any) -> list[Sum]:
    found: defaultdict[UUID, list[SignedHours]] = defaultdict(list)
    for one in hours:
        found[getattr(one, by)].append(one)
    sums = [
        Sum(name(own), len(own), sum(one.minutes for one in own), len({one.person_id for one in own}), own[0].event_id)
        for own in found.values()
    ]
    return sorted(sums, key=lambda one: -one.minutes)


async def _years(session: ReadSession, member: Member, year: int) -> list[YearOf]:
    """Each organisation whose hours the member may see; none for who edits no events."""
    since, until = year_in(year)
    found = []
    for organisation_id in member.organisations_where(Right.EDIT):
        hours = await signed_hours(session, organisation_id, since=since, until=until)
        query = select(EventRow).where(col(EventRow.id).in_({one.event_id for one in hours}))
        events = {row.id: row.event for row in (await session.execute(query)).scalars()}
        name = pick(member.memberships[organisation_id].name, member.language)
        found.append(YearOf(organisation_id, name, hours, events))
    return found


def _this_year(request: Request) -> int:
    return now_of(request).astimezone(ZONE).year


@router.get(SUMS)
async def sums_page(
    request: Request, member: MemberDep, database: DatabaseDep, pages: PagesDep, year: Year = None
) -> Response:
    """The hours of a year, this one unless another is asked for."""
    shown = year or _this_year(request)
    async with database.read() as session:
        years = await _years(session, member, shown)
    language = pages.reader(request).language
    context: dict[str, Any] = {"years": years, "year": shown, "this_year": _this_year(request), "language": language}
    return pages.render(request, "hours/sums.html", personal=True, **context)


@router.get(SUMS + ".csv")
async def as_csv(
    request: Request, member: MemberDep, database: DatabaseDep, pages: PagesDep, year: Year = None
) -> Response:
    """For any program."""
    return await _export(request, "csv", member, database, pages, year or _this_year(request))


@router.get(SUMS + ".xlsx")
async def as_xlsx(
    request: Request, member: MemberDep, database: DatabaseDep, pages: PagesDep, year: Year = None
) -> Response:
    """For spreadsheet programs."""
    return await _export(request, "xlsx", member, database, pages, year or _this_year(request))


async def _export(
    request: Request, kind: Kind, member: Member, database: DatabaseDep, pages: PagesDep, year: int
) -> Response:
    """Each person in each shift; who took the file is in the audit log."""
    reader = pages.reader(request)
    async with database.begin() as session:
        years = await _years(session, member, year)
        for one in years:
            await audit.record(
                session,
                "hours.exported",
                person_id=member.person_id,
                organisation_id=one.organisation_id,
                after={"format": kind, "rows": len(one.hours), "year": year},
            )
    table = TABLES[kind](_columns(reader), reader.language)
    table.add((one, row) for one in years for row in one.hours)
    parts = iter(await asyncio.to_thread(table.finish))
    return StreamingResponse(parts, media_type=MEDIA_TYPES[kind], headers=download(f"hours-{year}.{kind}"))


def _columns(reader: Reader) -> list[Column]:
    _ = reader.gettext

    def local(moment: datetime, one: YearOf, row: SignedHours) -> datetime:
        return moment.astimezone(ZoneInfo(one.events[row.event_id].time_zone)).replace(tzinfo=None)

    def role(one: YearOf, row: SignedHours) -> str:
        post = post_of(one.events[row.event_id], row.places_id)
        return pick(post.role.name, reader.language).text if post else ""

    return [
        Column(_(N_("Organisation")), 30, lambda line: line[0].name.text),
        Column(_(N_("Event")), 40, lambda line: pick(line[0].events[line[1].event_id].title, reader.language).text),
        Column(_(N_("Role in the shift")), 25, lambda line: role(*line)),
        Column(_(N_("Name")), 30, lambda line: line[1].name or ""),
        Column(_(N_("Begins")), 18, lambda line: local(line[1].starts_at, *line)),
        Column(_(N_("Ends")), 18, lambda line: local(line[1].ends_at, *line)),
        Column(_(N_("Minutes")), 10, lambda line: line[1].minutes),
    ]
