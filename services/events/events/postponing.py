"""Postpone a published event: its dates do not hold, and the new ones are not known yet."""

from datetime import datetime
from uuid import UUID

from services.events.events.auditing import CHANGED, audit
from services.events.events.commands import WrongStateError, change, check_version, locked
from services.events.events.describing import content_of
from services.events.events.model import State
from services.events.events.queries import WholeEvent
from shared.auth.members import Member
from shared.contracts.base import LocalizedText
from shared.contracts.events import EventPostponed
from shared.database.engine import WriteSession


async def postpone_event(
    session: WriteSession, member: Member, event_id: UUID, reasons: LocalizedText, version: int, now: datetime
) -> int:
    """Nobody can register until the event has new dates, nobody loses a place, and all who have or want one are told.

    `reasons` is per language and may be empty; a language in which the event has no words is passed over. Returns the
    version. Postponing again changes nothing. Raises UnknownEventError, ChangedMeanwhileError, and WrongStateError for
    a draft, a cancelled event, and one that is over.
    """
    event = await locked(session, member, event_id)
    row = event.row
    if row.state == State.POSTPONED:
        return row.version
    if row.state != State.PUBLISHED or event.is_over(now):
        raise WrongStateError(row.state)
    await check_version(session, event, version)
    reasons = {language: text.strip() for language, text in reasons.items() if language in event.words and text.strip()}
    write_postponement_reasons(session, event, reasons)
    row.state = State.POSTPONED
    after = {"state": State.POSTPONED.value} | {f"reason-{language}": CHANGED for language in reasons}
    await audit(session, member, "event.postponed", row, {"state": State.PUBLISHED.value}, after)
    await change(session, member, row, content_of(event), now, EventPostponed)
    return row.version


def write_postponement_reasons(session: WriteSession, event: WholeEvent, reasons: LocalizedText) -> None:
    """The event is postponed for these reasons; none, once it has new dates."""
    for language, words in event.words.items():
        words.postponement_reason = reasons.get(language, "")
        session.add(words)
