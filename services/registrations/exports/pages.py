"""The list as a file: made for one download, kept nowhere (docs/decisions/0021)."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from starlette.responses import Response, StreamingResponse

from services.registrations.events.access import seen_event
from services.registrations.exports.columns import Column, columns_for
from services.registrations.exports.spreadsheets import CSV, XLSX, CsvTable, Table, XlsxTable
from services.registrations.registrations.listing import Wanted, all_of
from shared.auth import audit
from shared.auth.members import Member
from shared.auth.rights import Access, Right
from shared.auth.sign_in import MemberDep, now_of
from shared.contracts.events import EventState
from shared.database.engine import Database, WriteSession
from shared.runtime.api import DatabaseDep, PagesDep
from shared.web.pages import Pages

router = APIRouter(include_in_schema=False)

Kind = Literal["csv", "xlsx"]
TABLES: dict[Kind, Callable[[Sequence[Column], str], Table]] = {"csv": CsvTable, "xlsx": XlsxTable}
MEDIA_TYPES = {"csv": CSV, "xlsx": XLSX}


@router.get("/registrations/console/events/{event_id}/export.csv")
async def as_csv(
    request: Request, event_id: UUID, member: MemberDep, database: DatabaseDep, pages: PagesDep
) -> Response:
    """For any program."""
    return await _export(request, event_id, "csv", member, database, pages)


@router.get("/registrations/console/events/{event_id}/export.xlsx")
async def as_xlsx(
    request: Request, event_id: UUID, member: MemberDep, database: DatabaseDep, pages: PagesDep
) -> Response:
    """For spreadsheet programs."""
    return await _export(request, event_id, "xlsx", member, database, pages)


async def _export(
    request: Request, event_id: UUID, kind: Kind, member: Member, database: Database, pages: Pages
) -> Response:
    """The registrations that the list shows, searched and filtered as it is; who took them is in the audit log."""
    reader, wanted = pages.reader(request), Wanted.read(request.query_params)
    async with database.begin() as session:
        offer, access = await seen_event(session, member, event_id, Right.EDIT)
        columns = columns_for(reader, offer.event)
        table, rows = TABLES[kind](columns, reader.language), 0
        async for lines in all_of(session, access, event_id, wanted):
            table.add(lines)
            rows += len(lines)
        await record_export(session, member, access, event_id, kind, rows)
    parts = iter(await asyncio.to_thread(table.finish))
    return StreamingResponse(parts, media_type=MEDIA_TYPES[kind], headers=headers(offer.event, kind, now_of(request)))


async def record_export(
    session: WriteSession, member: Member, access: Access, event_id: UUID, kind: str, rows: int
) -> None:
    """Tell the audit log who takes which kind of file, and about how many registrations."""
    await audit.record(
        session,
        "registrations.exported",
        person_id=member.person_id,
        organisation_id=access.organisation_id,
        event_id=event_id,
        after={"format": kind, "rows": rows},
    )


def headers(event: EventState, ending: str, now: datetime) -> dict[str, str]:
    """Saved under the event's code and today's date, and kept by no cache."""
    day = now.astimezone(ZoneInfo(event.time_zone)).date().isoformat()
    return download(f"{event.code}-{day}-{ending}" if "." in ending else f"{event.code}-{day}.{ending}")


def download(name: str) -> dict[str, str]:
    """Saved under this name, and kept by no cache."""
    return {"content-disposition": f'attachment; filename="{name}"', "cache-control": "no-store"}
