"""A volunteer's shift by SMS: here, left, and how many hours it was. Each text gets one answer."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from uuid6 import uuid7

from services.registrations.check_in import commands as check_ins
from services.registrations.conversations.talk import Conversation
from services.registrations.hours import commands
from services.registrations.hours.queries import OwnShift, own_shift, own_shifts
from shared.contracts.notification_requests import Template

EARLY = timedelta(hours=2)
"""How long before a shift somebody can be here for it."""
LATE = timedelta(hours=12)
"""How long after a shift somebody can still say that they left."""
MOST_CODES = 10


async def arrived(talk: Conversation) -> None:
    """Check the sender in to the shift that is on, or is about to begin."""
    shifts = [one for one in await _shifts(talk, LATE) if one.worked.post.session.ends_at > talk.now]
    if (shift := await _one_of(talk, [one for one in shifts if not one.worked.came_at] or shifts, "ARRIVED")) is None:
        return
    here = await check_ins.check_in(talk.session, _desk(talk, shift), shift.worked.id)
    since = here.since.isoformat() if here.since else ""
    await _answer(talk, shift, "here", planned=since)


async def left(talk: Conversation) -> None:
    """Check the sender out; who never said that they came is asked for the hours."""
    shifts = [
        one for one in await _shifts(talk, LATE) if one.worked.post.session.starts_at <= talk.now or one.worked.came_at
    ]
    recent = [one for one in shifts if talk.now < one.worked.post.session.ends_at + LATE and one.worked.signed is None]
    if (shift := await _one_of(talk, [one for one in recent if one.worked.here] or recent, "LEFT")) is None:
        return None
    try:
        await check_ins.check_out(talk.session, _desk(talk, shift), shift.worked.id)
    except check_ins.NotHereError:
        return await _answer(talk, shift, "unclear")
    now = await own_shift(talk.session, shift.worked.id) or shift
    return await _answer(talk, shift, "left", minutes=now.worked.minutes or 0)


async def correct(talk: Conversation) -> None:
    """Note how many hours the sender says it was; without a number, say how to."""
    said = talk.heard.said
    begun = [
        one for one in await _shifts(talk, commands.CORRECTED_WITHIN) if one.worked.post.session.starts_at <= talk.now
    ]
    if said and said.number:
        begun = [one for one in begun if one.worked.post.number == said.number]
    open_ones = [one for one in begun if one.worked.signed is None] or begun
    if (shift := await _one_of(talk, open_ones, "HOURS")) is None:
        return None
    if said is None or said.minutes is None:
        return await _answer(talk, shift, "unclear")
    try:
        await commands.correct(talk.session, shift.worked.id, said.minutes, "", talk.now)
    except commands.SignedOffError as error:
        return await _answer(talk, shift, "signed", minutes=error.minutes)
    return await _answer(talk, shift, "noted", minutes=said.minutes)


async def _shifts(talk: Conversation, since: timedelta) -> list[OwnShift]:
    """The sender's shifts of that time, of the event that the text names, if it names one."""
    if talk.person is None:
        return []
    found = await own_shifts(talk.session, talk.person.id, talk.now, since=since + LATE, ahead=EARLY)
    named = talk.heard.party_size if talk.heard.said is None else None
    of_event = [one for one in found if talk.heard.event_id in (None, one.event.id)]
    return [one for one in of_event if named in (None, one.worked.post.number)]


async def _one_of(talk: Conversation, shifts: Sequence[OwnShift], word: str) -> OwnShift | None:
    """The one that is meant; where there is none, or more than one, the sender is told so."""
    if len(shifts) == 1:
        return shifts[0]
    if shifts:
        codes = [f"{event.code} {worked.post.number}" for event, worked in shifts[:MOST_CODES]]
        await talk.answer(Template.SMS_WHICH_EVENT, word=word, codes=codes)
    else:
        await talk.answer(Template.SMS_HOURS, result="none")
    return None


def _desk(talk: Conversation, shift: OwnShift) -> check_ins.Desk:
    event, worked = shift
    return check_ins.Desk(worked.person_id, event, worked.post.session, uuid7(), talk.now, talk.now, is_member=False)


async def _answer(talk: Conversation, shift: OwnShift, result: str, **data: Any) -> None:
    event, worked = shift
    await talk.answer(Template.SMS_HOURS, event.id, result=result, places_id=str(worked.post.id), **data)
