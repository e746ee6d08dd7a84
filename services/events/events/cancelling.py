"""Cancel an event that was published."""

from datetime import datetime
from uuid import UUID

from services.events.events.auditing import CHANGED, audit
from services.events.events.checking import IncompleteError, Missing
from services.events.events.commands import WrongStateError, change, check_version, locked
from services.events.events.describing import content_of
from services.events.events.model import TO_COME, State
from shared.auth.members import Member
from shared.contracts.base import LocalizedText
from shared.contracts.events import EventCancelled
from shared.database.engine import WriteSession
from shared.i18n.catalogues import N_

REASON = N_("Say why the event does not take place, in the main language.")


async def cancel_event(
    session: WriteSession, member: Member, event_id: UUID, reasons: LocalizedText, version: int, now: datetime
) -> int:
    """The event does not take place, and whoever is registered or waits is told why; returns its version.

    `reasons` is per language; a language in which the event has no words is passed over. Cancelling again with the
    same reasons changes nothing. Raises UnknownEventError, WrongStateError for a draft or an event that was cancelled
    for other reasons, ChangedMeanwhileError, IncompleteError without a reason in the main language.
    """
    event = await locked(session, member, event_id)
    row = event.row
    reasons = {language: text.strip() for language, text in reasons.items() if language in event.words and text.strip()}
    if row.state == State.CANCELLED and reasons == event.texts("cancellation_reason"):
        return row.version
    if row.state not in TO_COME:
        raise WrongStateError(row.state)
    await check_version(session, event, version)
    if row.main_language not in reasons:
        raise IncompleteError([Missing(f"reason-{row.main_language}", REASON)])
    for language, text in reasons.items():
        event.words[language].cancellation_reason = text
        session.add(event.words[language])
    before, after = {"state": row.state}, {"state": State.CANCELLED.value}
    after |= {f"reason-{language}": CHANGED for language in reasons}
    row.state, row.cancelled_at = State.CANCELLED, now
    await audit(session, member, "event.cancelled", row, before, after)
    await change(session, member, row, content_of(event), now, EventCancelled)
    return row.version
