"""What a resident's text does. Whatever it says, it gets an answer, in the resident's language."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import col, select

from services.registrations.conversations.reading import Heard, listen
from services.registrations.events.queries import Offer, offer_of
from services.registrations.people.commands import Address, contact_changed, keep_people
from services.registrations.people.model import Means, PersonRow
from services.registrations.registrations import commands
from services.registrations.registrations.admission import AlreadyRegistered, Refusal, Refused, Rules, Wish, admit
from services.registrations.registrations.model import State
from services.registrations.registrations.queries import Live, live_of
from services.registrations.registrations.reminders import send_link_again
from shared.contracts.notification_requests import NotificationRequested, Recipient, Secret, Template
from shared.contracts.registrations import Channel, EndedBy
from shared.contracts.sms import Sms
from shared.database.engine import WriteSession
from shared.messaging.outbox import publish
from shared.sms.keywords import Intent
from shared.vault import Vault

QUESTIONS = (State.OFFERED, State.HELD)


@dataclass
class Conversation:
    """One text, its sender, and the transaction in which it is answered."""

    session: WriteSession
    vault: Vault
    rules: Rules
    number: str
    person: PersonRow | None
    language: str
    consent: str
    now: datetime
    heard: Heard = field(init=False)

    async def live(self) -> list[Live]:
        """The sender's live registrations; only those for the event that the text names, if it names one."""
        if self.person is None:
            return []
        every = await live_of(self.session, self.person.id)
        return [one for one in every if self.heard.event_id in (None, one.event_id)]

    async def answer(self, template: Template, event_id: UUID | None = None, **data: Any) -> None:
        """Ask for an SMS to the sender, by id if the person is known, else to the sealed number."""
        to = self.person.id if self.person else self.vault.keyed_uuid(self.number, "sms")
        secret = None
        if self.person is None:
            recipient = Recipient(language=self.language, phone=self.number)
            secret = self.vault.seal(Secret(recipient=recipient), f"request:{to}")
        await publish(
            self.session,
            NotificationRequested(
                aggregate_id=to,
                aggregate_version=0,
                template=template,
                person_id=self.person.id if self.person else None,
                event_id=event_id,
                data=data,
                sealed=secret,
            ),
        )


async def answer_sms(
    session: WriteSession, vault: Vault, rules: Rules, sms: Sms, default_language: str, consent: str, now: datetime
) -> None:
    """Do what the text asks for, and answer it."""
    found = await session.execute(select(PersonRow).where(col(PersonRow.address) == sms.number))
    person = found.scalar_one_or_none()
    heard = await listen(session, sms.text)
    language = heard.language or (person.language if person else default_language)
    talk = Conversation(session, vault, rules, sms.number, person, language, consent, now)
    talk.heard = heard
    if person is not None and heard.language not in (None, person.language):
        await _speak(talk)
    await _ANSWERS.get(heard.intent, _not_understood)(talk)


async def _speak(talk: Conversation) -> None:
    address = Address(Means.PHONE, talk.number, talk.language)
    people = await keep_people(talk.session, [address])
    await publish(talk.session, contact_changed(talk.vault, people[talk.number], address))


async def _register(talk: Conversation) -> None:
    if talk.heard.event_id is None or (offer := await offer_of(talk.session, talk.heard.event_id)) is None:
        return await talk.answer(Template.SMS_UNKNOWN_CODE, code=talk.heard.code or "")
    if talk.heard.party_size_error:
        return await _party_size(talk, offer, offer.event.largest_party)
    wish = Wish(
        Address(Means.PHONE, talk.number, talk.language),
        talk.heard.party_size or 1,
        Channel.SMS,
        talk.consent,
    )
    decision = (await admit(talk.session, talk.vault, talk.rules, offer.pool.id, [wish], talk.now))[0]
    if isinstance(decision, Refused):
        return await _refused(talk, offer, decision)
    if isinstance(decision, AlreadyRegistered):
        return await _again(talk, offer, decision)
    return None


async def _refused(talk: Conversation, offer: Offer, refused: Refused) -> None:
    if refused.reason is Refusal.PARTY_TOO_LARGE:
        return await _party_size(talk, offer, refused.largest_party)
    return await talk.answer(
        Template.SMS_REGISTRATION_CLOSED, offer.event.id, code=offer.event.code, why=refused.reason.value
    )


async def _party_size(talk: Conversation, offer: Offer, largest: int) -> None:
    await talk.answer(Template.SMS_PARTY_SIZE, offer.event.id, code=offer.event.code, largest=largest)


async def _again(talk: Conversation, offer: Offer, earlier: AlreadyRegistered) -> None:
    """The owner's own text confirms what somebody entered on the web; another number of people changes the party."""
    size = talk.heard.party_size
    if size not in (None, earlier.party_size):
        try:
            await commands.change_party(talk.session, talk.vault, talk.rules, earlier.id, size, talk.now)
        except commands.PartyTooLargeError as error:
            return await _party_size(talk, offer, error.largest)
    if earlier.state is State.HELD:
        await commands.accept(talk.session, talk.vault, talk.rules, earlier.id, talk.now)
    elif size in (None, earlier.party_size):
        await send_link_again(talk.session, talk.vault, offer.event.id, earlier, talk.now)
    return None


async def _yes(talk: Conversation) -> None:
    question = await _one_of(talk, [one for one in await talk.live() if one.state in QUESTIONS], "YES")
    if question is not None:
        await commands.accept(talk.session, talk.vault, talk.rules, question.id, talk.now)


async def _no(talk: Conversation) -> None:
    question = await _one_of(talk, [one for one in await talk.live() if one.state in QUESTIONS], "NO")
    if question is not None:
        await _end(talk, question)


async def _cancel(talk: Conversation) -> None:
    registration = await _one_of(talk, await talk.live(), "CANCEL")
    if registration is not None:
        await _end(talk, registration)


async def _end(talk: Conversation, registration: Live) -> None:
    await commands.cancel(talk.session, talk.vault, talk.rules, registration.id, EndedBy.PERSON, talk.now)


async def _one_of(talk: Conversation, candidates: list[Live], word: str) -> Live | None:
    """The one that is meant; where there is none, or more than one, the sender is told so."""
    if len(candidates) == 1:
        return candidates[0]
    if not candidates:
        await talk.answer(Template.SMS_NOTHING_OPEN)
    else:
        await talk.answer(Template.SMS_WHICH_EVENT, word=word, codes=[one.code for one in candidates])
    return None


async def _status(talk: Conversation) -> None:
    lines = [
        f"{one.code}|{one.state.value}|{one.party_size}|{one.expires_at.isoformat() if one.expires_at else ''}"
        for one in await talk.live()
    ]
    if lines:
        await talk.answer(Template.SMS_STATUS, lines=lines)
    else:
        await talk.answer(Template.SMS_NOTHING_OPEN)


async def _help(talk: Conversation) -> None:
    await talk.answer(Template.SMS_HELP)


async def _language(talk: Conversation) -> None:
    await talk.answer(Template.SMS_LANGUAGE_SET)


async def _not_understood(talk: Conversation) -> None:
    if talk.heard.code:
        await talk.answer(Template.SMS_UNKNOWN_CODE, code=talk.heard.code)
    else:
        await talk.answer(Template.SMS_NOT_UNDERSTOOD)


_ANSWERS = {
    Intent.REGISTER: _register,
    Intent.YES: _yes,
    Intent.NO: _no,
    Intent.CANCEL: _cancel,
    Intent.STATUS: _status,
    Intent.HELP: _help,
    Intent.LANGUAGE: _language,
}
