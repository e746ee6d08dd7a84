"""An event's shifts as its sessions and places: each shift is a session, each role in it a pool of places."""

from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from services.events.events.drafting import EventContent
from services.events.events.model import PlacesRow, SessionRow
from shared.database.engine import WriteSession


async def write_shifts(session: WriteSession, event_id: UUID, content: EventContent) -> None:
    """The event has the sessions and places of these shifts, under their ids, and no others."""
    await _write_sessions(session, event_id, content)
    await _write_places(session, event_id, content)
    await session.flush()


async def _write_sessions(session: WriteSession, event_id: UUID, content: EventContent) -> None:
    rows = (await session.execute(select(SessionRow).where(col(SessionRow.event_id) == event_id))).scalars()
    old = {row.id: row for row in rows}
    for shift in content.shifts:
        times = {"starts_at": shift.starts_at, "ends_at": shift.ends_at}
        row = old.pop(shift.id, None) or SessionRow(id=shift.id, event_id=event_id, **times)
        row.starts_at, row.ends_at = shift.starts_at, shift.ends_at
        session.add(row)
    for row in old.values():
        await session.delete(row)


async def _write_places(session: WriteSession, event_id: UUID, content: EventContent) -> None:
    rows = (await session.execute(select(PlacesRow).where(col(PlacesRow.event_id) == event_id))).scalars()
    old = {row.id: row for row in rows}
    names = {role.id: dict(role.name) for role in content.roles}
    for position, one in enumerate(content.staffing):
        row = old.pop(one.id, None) or PlacesRow(id=one.id, event_id=event_id, capacity=one.most)
        row.position, row.name, row.capacity = position, names[one.role], one.most
        session.add(row)
    for row in old.values():
        await session.delete(row)
