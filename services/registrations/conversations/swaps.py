"""Swapping a shift by SMS: the word alone, or with the code and number of one's own shift, agrees."""

from services.registrations.conversations.talk import Conversation
from services.registrations.registrations.queries import Live
from services.registrations.swaps.commands import NothingAskedError, answer
from shared.contracts.notification_requests import Template

MOST_CODES = 10


async def agree(talk: Conversation) -> bool:
    """Agree to the swap that the sender is asked about; False where there is none: then nothing was answered.

    What comes of it once both have agreed is told to both, and is the answer.
    """
    asked = [one for one in await talk.meant() if one.swap]
    if not asked:
        return False
    if len(asked) > 1:
        await talk.answer(Template.SMS_WHICH_EVENT, word="SWAP", codes=[one.named for one in asked[:MOST_CODES]])
        return True
    return await _agree(talk, asked[0])


async def _agree(talk: Conversation, one: Live) -> bool:
    try:
        outcome = await answer(talk.session, talk.vault, one.id, talk.now, agreed=True)
    except NothingAskedError:
        return False
    if outcome is None:
        await talk.answer(Template.SMS_SWAP, one.event_id, places_id=str(one.places_id))
    return True
