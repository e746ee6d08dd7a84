"""What a resident's text does. Whatever it says, it gets one answer, in the resident's language.

Load-bearing invariants:
- Each way through `answer_sms` ends in one message that notifications answers: a change of a registration, or one
  `NotificationRequested`. Never none, and a second one only to ask whether co-hosts may see who comes.
- Nothing of the text is passed on but numbers and the codes of events that there are: a word that we do not know may
  be a name.
- A code texted while a question about its event is open is a yes.
- A no that names nothing ends a registration only where exactly one thing waits for an answer.
"""

from datetime import datetime
from uuid import UUID

from sqlmodel import col, select

from services.registrations.consents.commands import answer as answer_co_hosts
from services.registrations.consents.commands import asking
from services.registrations.conversations import hours, shifts, swaps
from services.registrations.conversations.reading import listen
from services.registrations.conversations.talk import Conversation, ask
from services.registrations.events.queries import Offer, offer_of
from services.registrations.people.commands import Address, change_language
from services.registrations.people.model import Means, PersonRow
from services.registrations.registrations import commands
from services.registrations.registrations.admission import (
    Admitted,
    AlreadyRegistered,
    Refusal,
    Refused,
    Rules,
    Wish,
    admit,
)
from services.registrations.registrations.model import QUESTIONS, State
from services.registrations.registrations.queries import Live
from services.registrations.registrations.reminders import send_link_again
from services.registrations.shifts.commands import tell_overlap
from services.registrations.shifts.reminding import say_coming
from shared.contracts.notification_requests import Template
from shared.contracts.registrations import Channel, EndedBy
from shared.contracts.sms import Sms
from shared.database.engine import WriteSession
from shared.sms.guessing import guess_language
from shared.sms.keywords import Intent
from shared.tickets import code_of, ticket_of
from shared.vault import Vault

MOST_LINES = 10
MOST_ENTRIES = 3
NO_PARTY = 10**9
"""Larger than any event allows: what a text asks for whose number of people cannot be read."""


async def answer_sms(
    session: WriteSession, vault: Vault, rules: Rules, sms: Sms, default_language: str, consent: str, now: datetime
) -> None:
    """Do what the text asks for, and answer it."""
    found = await session.execute(select(PersonRow).where(col(PersonRow.address) == sms.number))
    person = found.scalar_one_or_none()
    heard = await listen(session, sms.text)
    language = heard.language or (person.language if person else guess_language(sms.text) or default_language)
    talk = Conversation(session, vault, rules, sms.number, person, language, consent, now)
    talk.heard = heard
    try:
        await _ANSWERS.get(heard.intent, _not_understood)(talk)
    except (commands.NothingToAnswerError, commands.RegistrationEndedError):
        await _status(talk)
    if person is not None:
        await change_language(session, vault, person.id, language)


async def _register(talk: Conversation) -> None:
    offer = await offer_of(talk.session, talk.heard.event_id) if talk.heard.event_id else None
    if offer is None:
        return await talk.answer(Template.SMS_UNKNOWN_CODE)
    if offer.event.shifts:
        return await shifts.take(talk, offer, _say_yes, _remind)
    if mine := await talk.meant():
        return await _again(talk, mine[0], offer.event.largest_party)
    size = NO_PARTY if talk.heard.party_size_error else talk.heard.party_size or 1
    wish = Wish(Address(Means.PHONE, talk.number, talk.language), size, Channel.SMS, talk.consent)
    decision = (await admit(talk.session, talk.vault, talk.rules, offer.pool.id, [wish], talk.now))[0]
    if isinstance(decision, Refused):
        return await _refused(talk, offer, decision)
    if isinstance(decision, Admitted):
        await ask(talk, decision.id, decision.person_id, offer.event)
    if isinstance(decision, AlreadyRegistered):
        person, event = decision.person_id, offer.event
        earlier = Live(decision.id, person, event.id, event.code, decision.state, decision.party_size, None)
        return await _again(talk, earlier, event.largest_party)
    return None


async def _refused(talk: Conversation, offer: Offer, refused: Refused) -> None:
    event = offer.event
    if refused.reason is Refusal.PARTY_TOO_LARGE:
        return await _party_size(talk, event.id, event.code, refused.largest_party)
    return await talk.answer(Template.SMS_REGISTRATION_CLOSED, event.id, code=event.code, why=refused.reason.value)


async def _party_size(talk: Conversation, event_id: UUID, code: str, largest: int) -> None:
    await talk.answer(Template.SMS_PARTY_SIZE, event_id, code=code, largest=largest)


async def _again(talk: Conversation, earlier: Live, largest: int) -> None:
    """The owner's own text answers an open question; another number of people changes the party."""
    size = talk.heard.party_size
    if talk.heard.party_size_error:
        await _party_size(talk, earlier.event_id, earlier.code, largest)
    elif earlier.state in QUESTIONS:
        await _accept(talk, earlier)
    elif size is None or size == earlier.party_size:
        await _remind(talk, earlier)
    else:
        try:
            await commands.change_party(talk.session, talk.vault, talk.rules, earlier.id, size, talk.now)
        except commands.PartyTooLargeError as error:
            await _party_size(talk, earlier.event_id, earlier.code, error.largest)


async def _remind(talk: Conversation, earlier: Live) -> None:
    known = AlreadyRegistered(earlier.id, earlier.person_id, earlier.state, earlier.party_size)
    await send_link_again(talk.session, talk.vault, earlier.event_id, known, talk.now, talk.language)


async def _accept(talk: Conversation, question: Live) -> None:
    size = None if question.number else talk.heard.party_size
    try:
        await commands.accept(talk.session, talk.vault, talk.rules, question.id, talk.now, size)
        if question.state is State.HELD:
            await _ask_about(talk, question)
    except commands.OverlapsError as error:
        if question.places_id:
            await tell_overlap(talk.session, question.places_id, question.event_id, error.other, talk.language)
    except commands.PartyTooLargeError as error:
        await _party_size(talk, question.event_id, question.code, error.largest)


async def _ask_about(talk: Conversation, registration: Live) -> bool:
    """Say which co-hosts ask to see the sender, if any, and what they see; whether there was one."""
    offer = await offer_of(talk.session, registration.event_id)
    return offer is not None and await ask(talk, registration.id, registration.person_id, offer.event)


async def _share(talk: Conversation) -> None:
    await _answer_co_hosts(talk, "SHARE", agreed=True)


async def _keep_private(talk: Conversation) -> None:
    await _answer_co_hosts(talk, "PRIVATE", agreed=False)


async def _answer_co_hosts(talk: Conversation, word: str, *, agreed: bool) -> None:
    """Yes or no to all co-hosts that ask, or to the one whose number the text names; the answer says how it stands."""
    every = [one for one in await talk.every() if talk.heard.event_id in (None, one.event_id)]
    registration = every[0] if shifts.of_one_event(every) else await _one_of(talk, every, word)
    offer = await offer_of(talk.session, registration.event_id) if registration else None
    if registration is None or offer is None:
        return
    asks, number = asking(offer.event), talk.heard.party_size
    if number is not None or talk.heard.party_size_error:
        asks = asks[number - 1 : number] if number else []
    chosen = {co_host.organisation_id: agreed for co_host in asks}
    for one in every if registration.number else [registration]:
        await answer_co_hosts(talk.session, one.id, offer.event, chosen, talk.now)
    if not await _ask_about(talk, registration):
        await _status(talk)


async def _yes(talk: Conversation) -> None:
    """Take what is offered, or come to every shift that we asked about.

    A yes that names an event and comes too late, or first of all, registers.
    """
    meant = await talk.meant()
    if talk.heard.event_id and not meant:
        return await _register(talk)
    waits = _waiting(talk, meant)
    if together := shifts.asked_together(waits):
        for one in together:
            await _accept(talk, one)
        return None
    if waits and all(one.asked for one in waits):
        return await _come(talk, waits)
    question = await _one_of(talk, waits, "YES")
    return await _accept(talk, question) if question is not None else None


def _waiting(talk: Conversation, meant: list[Live]) -> list[Live]:
    """What waits for an answer; where nothing does, the shifts of an event that the text names, once asked about."""
    return [one for one in meant if one.waits] or [one for one in meant if one.asked and talk.heard.event_id]


async def _say_yes(talk: Conversation, question: Live) -> None:
    if question.asked:
        await _come(talk, [question])
    else:
        await _accept(talk, question)


async def _come(talk: Conversation, asked: list[Live]) -> None:
    """Note that the sender comes to these shifts, and say thank you once."""
    if not await say_coming(talk.session, [one.id for one in asked], talk.now):
        return await _status(talk)
    codes, only = [one.named for one in asked[:MOST_LINES]], asked[0]
    if len(asked) > 1:
        return await talk.answer(Template.SMS_COMING, codes=codes)
    return await talk.answer(Template.SMS_COMING, only.event_id, places_id=str(only.places_id), codes=codes)


async def _no(talk: Conversation) -> None:
    question = await _one_of(talk, _waiting(talk, await talk.meant()), "NO")
    if question is not None:
        await _end(talk, question)


async def _swap(talk: Conversation) -> None:
    if not await swaps.agree(talk):
        await _status(talk)


async def _cancel(talk: Conversation) -> None:
    registration = await _one_of(talk, await talk.meant(), "CANCEL")
    if registration is not None:
        await _end(talk, registration)


async def _end(talk: Conversation, registration: Live) -> None:
    """Cancel it; where it ended a moment ago by itself the sender hears what is left."""
    by = EndedBy.PERSON
    if not await commands.cancel(talk.session, talk.vault, talk.rules, registration.id, by, talk.now):
        await _status(talk)


async def _one_of(talk: Conversation, candidates: list[Live], word: str) -> Live | None:
    """The one that is meant; where there is none, or more than one, the sender is told so."""
    if len(candidates) == 1:
        return candidates[0]
    if candidates:
        codes = [one.named for one in candidates[:MOST_LINES]]
        await talk.answer(Template.SMS_WHICH_EVENT, word=word, codes=codes)
    else:
        await _status(talk)
    return None


async def _status(talk: Conversation) -> None:
    """Where the sender's registrations stand: the one that the text names, else all of them."""
    stand = (await talk.meant() or await talk.every())[:MOST_LINES]
    lines = [_line(one, with_entry=len(stand) <= MOST_ENTRIES) for one in stand]
    if lines:
        await talk.answer(Template.SMS_STATUS, lines=lines)
    else:
        await talk.answer(Template.SMS_NOTHING_OPEN)


def _line(one: Live, *, with_entry: bool) -> str:
    """`CODE|state|party|until`; of a postponed event without an end of the time to answer, and with a word more.

    For a place the code for the door stands at the end, while there are few lines.
    """
    until = one.expires_at.isoformat() if one.expires_at and not one.postponed else ""
    line = f"{one.named}|{one.state.value}|{one.party_size}|{until}"
    if one.postponed:
        return f"{line}|postponed"
    return f"{line}||{code_of(ticket_of(one.id))}" if with_entry and one.state is State.CONFIRMED else line


async def _help(talk: Conversation) -> None:
    await talk.answer(Template.SMS_HELP)


async def _language(talk: Conversation) -> None:
    """Say that we write in this language; that of somebody who is known is kept with every text."""
    await talk.remember_language()
    await talk.answer(Template.SMS_LANGUAGE_SET)


async def _not_understood(talk: Conversation) -> None:
    template = Template.SMS_UNKNOWN_CODE if talk.heard.names_unknown_code else Template.SMS_NOT_UNDERSTOOD
    await talk.answer(template)


_ANSWERS = {
    Intent.REGISTER: _register,
    Intent.YES: _yes,
    Intent.NO: _no,
    Intent.CANCEL: _cancel,
    Intent.STATUS: _status,
    Intent.HELP: _help,
    Intent.SHARE: _share,
    Intent.PRIVATE: _keep_private,
    Intent.LANGUAGE: _language,
    Intent.ARRIVED: hours.arrived,
    Intent.LEFT: hours.left,
    Intent.HOURS: hours.correct,
    Intent.SWAP: _swap,
}
