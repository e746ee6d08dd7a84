"""One text, its sender, and the ways in which it is answered."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from services.registrations.consents.queries import questions_of
from services.registrations.conversations.reading import Heard
from services.registrations.people.commands import Address, contact_changed, keep_people
from services.registrations.people.model import Means, PersonRow
from services.registrations.registrations.admission import Rules
from services.registrations.registrations.queries import Live, live_of
from shared.contracts.events import EventState, Scope
from shared.contracts.notification_requests import NotificationRequested, Recipient, Secret, Template
from shared.database.engine import WriteSession
from shared.messaging.outbox import publish
from shared.vault import Vault
from shared.web.shown import pick


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

    async def every(self) -> list[Live]:
        """The sender's live registrations."""
        return await live_of(self.session, self.person.id) if self.person else []

    async def meant(self) -> list[Live]:
        """Of these the ones for the event that the text names, if it names one, or for the shift with its number."""
        found = [one for one in await self.every() if self.heard.event_id in (None, one.event_id)]
        return [one for one in found if not one.number or self.heard.party_size in (None, one.number)]

    async def remember_language(self) -> None:
        """Keep the language that the text names with a number which is new to us: its next text may be a code."""
        if self.person is None and self.heard.language:
            address = Address(Means.PHONE, self.number, self.language)
            people = await keep_people(self.session, [address])
            await publish(self.session, contact_changed(self.vault, people[self.number], address.means))

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
                data={"language": self.language, **data},
                sealed=secret,
            ),
        )


async def ask(talk: Conversation, registration_id: UUID, person_id: UUID, event: EventState) -> bool:
    """A second SMS behind the answer: which co-hosts ask to see the sender, and what they see; whether there is one."""
    asked = await questions_of(talk.session, event, registration_id)
    shares = [
        f"{number}|{one.co_host.scope}|{'no' if one.sees is Scope.NOTHING else 'yes'}|"
        + pick(one.profile.name, talk.language).text
        for number, one in enumerate(asked, start=1)
    ]
    if shares:
        message = NotificationRequested(
            aggregate_id=person_id,
            aggregate_version=0,
            template=Template.SMS_SHARE,
            person_id=person_id,
            event_id=event.id,
            registration_id=registration_id,
            data={"language": talk.language, "code": event.code, "shares": shares},
        )
        await publish(talk.session, message)
    return bool(shares)
