"""An SMS that came in: stored before it is answered, once however often a provider repeats it, then passed on.

Load-bearing invariants:
- `(provider, provider's id)` is unique: a repeated call changes nothing.
- Some providers repeat a text under another id. The same text of the same number within a minute counts as such a
  repetition only if we have sent nothing to that number since the first: two honest answers "JA" to two questions
  both count.
- One number's texts are dealt with one after the other, by an advisory lock on its hash.
- STOP and START are answered here and never travel. While somebody has stopped, other texts are not passed on, and
  at most once a day we say that we are silent.
- Two machines do not answer each other for ever: what a number texts beyond `MOST_PER_HOUR` or `MOST_PER_DAY` is
  stored and counted, and neither passed on nor answered. STOP holds even then, and is confirmed.
"""

import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

import structlog
from prometheus_client import Counter
from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.types import Uuid
from sqlmodel import col
from uuid6 import uuid7

from services.notifications.contacts.addresses import address_key
from services.notifications.contacts.queries import language_of_number
from services.notifications.deliveries.commands import record
from services.notifications.deliveries.composing import Draft
from services.notifications.optouts.commands import may_remind, opt_in, opt_out
from services.notifications.optouts.queries import has_stopped
from services.notifications.sms.model import InboundRow
from shared.contracts.context import current_cause
from shared.contracts.deliveries import DeliveryChannel
from shared.contracts.notification_requests import Recipient, Secret
from shared.contracts.sms import Sms, SmsReceived
from shared.database.engine import WriteSession
from shared.i18n.folding import fold
from shared.i18n.languages import PAGE_LANGUAGES
from shared.messaging.outbox import publish
from shared.sms.keywords import Intent, parse
from shared.sms.words import intent_words
from shared.vault import Vault

log = structlog.get_logger()

TOO_MANY = Counter("teilhabe_sms_too_many_total", "Texts beyond what one number may text us", ["window"])

LONGEST_TEXT = 2000
MOST_PER_HOUR = 30
MOST_PER_DAY = 100
CONTENT_WINDOW = timedelta(seconds=60)
REMIND_EVERY = timedelta(days=1)
SMS = DeliveryChannel.SMS


class Received(StrEnum):
    """What became of a text."""

    PASSED_ON = "passed-on"
    REPEATED = "repeated"
    STOPPED = "stopped"
    STARTED = "started"
    SILENT = "silent"
    TOO_MANY = "too-many"


@dataclass(frozen=True)
class Incoming:
    """A text as the provider handed it over; `number` is E.164."""

    provider: str
    provider_id: str
    number: str
    text: str


@dataclass(frozen=True)
class Sender:
    """Who texted what, once that is stored."""

    received_id: UUID
    number: str
    key: UUID
    said: str


def clean(text: str) -> str:
    """The text without NUL and other control characters but line breaks, cut at 2,000 characters."""
    kept = (c for c in text if c == "\n" or unicodedata.category(c) not in {"Cc", "Cs"})
    return "".join(kept)[:LONGEST_TEXT]


async def receive_sms(session: WriteSession, vault: Vault, incoming: Incoming, now: datetime) -> Received:
    """Store the text and pass it on, or answer it here; a repetition changes nothing.

    The caller answers the provider after the commit.
    """
    key = address_key(vault, SMS, incoming.number)
    await session.execute(_LOCK, {"key": int.from_bytes(key.bytes[:8], signed=True)})
    said = clean(incoming.text)
    received_id = await _store(session, vault, incoming, key, said, now)
    if received_id is None:
        return Received.REPEATED
    sender = Sender(received_id, incoming.number, key, said)
    intent = parse(said, lambda _code: False).intent
    if intent is Intent.STOP:
        return await _stop(session, vault, sender, now)
    if await _is_too_many(session, key, now):
        return Received.TOO_MANY
    if intent is Intent.START:
        return await _start(session, vault, sender)
    if await has_stopped(session, SMS, key):
        return await _stay_silent(session, vault, sender, now)
    sealed = vault.seal(Sms(number=incoming.number, text=said), f"sms:{received_id}")
    await publish(session, SmsReceived(message_id=received_id, aggregate_id=key, aggregate_version=0, sealed=sealed))
    return Received.PASSED_ON


_TEXTS = text(
    """
    SELECT count(*) FILTER (WHERE received_at > :hour_ago) AS hour, count(*) AS day FROM inbound
    WHERE number_key = :number AND received_at > :day_ago AND repeats IS NULL
    """
).bindparams(bindparam("number", type_=Uuid))


async def _is_too_many(session: WriteSession, number_key: UUID, now: datetime) -> bool:
    """Whether the text just stored is beyond what one number may text; counted and logged without the number."""
    values = {"number": number_key, "hour_ago": now - timedelta(hours=1), "day_ago": now - timedelta(days=1)}
    texts = (await session.execute(_TEXTS, values)).one()
    over = "hour" if texts.hour > MOST_PER_HOUR else "day" if texts.day > MOST_PER_DAY else None
    if over is not None:
        TOO_MANY.labels(over).inc()
        log.warning("sms.too_many", window=over)
    return over is not None


_LOCK = text("SELECT pg_advisory_xact_lock(:key)")
_FIRST_OF_REPETITION = text(
    """
    SELECT i.id FROM inbound i
    WHERE i.number_key = :number AND i.content_key = :content AND i.repeats IS NULL AND i.received_at > :since
      AND i.provider = :provider
      AND NOT EXISTS (
        SELECT FROM deliveries d LEFT JOIN contacts c ON c.person_id = d.person_id
        WHERE d.channel = 'sms' AND d.sent_at >= i.received_at
          AND (d.address_key = :number OR c.phone_key = :number))
    ORDER BY i.received_at DESC LIMIT 1
    """
).bindparams(bindparam("number", type_=Uuid), bindparam("content", type_=Uuid))


async def _store(
    session: WriteSession, vault: Vault, incoming: Incoming, number_key: UUID, said: str, now: datetime
) -> UUID | None:
    """The id of the text; nothing if it is a repetition."""
    content_key = vault.keyed_uuid(said, "sms-content")
    values = {
        "number": number_key,
        "content": content_key,
        "since": now - CONTENT_WINDOW,
        "provider": incoming.provider,
    }
    first = (await session.execute(_FIRST_OF_REPETITION, values)).scalar_one_or_none()
    statement = insert(InboundRow).values(
        id=uuid7(),
        provider=incoming.provider,
        provider_id=incoming.provider_id,
        number_key=number_key,
        content_key=content_key,
        received_at=now,
        repeats=first,
    )
    statement = statement.on_conflict_do_nothing(index_elements=["provider", "provider_id"])
    stored = (await session.execute(statement.returning(col(InboundRow.id)))).scalar_one_or_none()
    return stored if first is None else None


async def _stop(session: WriteSession, vault: Vault, sender: Sender, now: datetime) -> Received:
    """One confirmation, however often somebody says STOP."""
    if await opt_out(session, SMS, sender.key, now):
        await _answer(session, vault, "stopped", sender, Intent.STOP)
    return Received.STOPPED


async def _start(session: WriteSession, vault: Vault, sender: Sender) -> Received:
    await opt_in(session, SMS, sender.key)
    await _answer(session, vault, "started", sender, Intent.START)
    return Received.STARTED


async def _stay_silent(session: WriteSession, vault: Vault, sender: Sender, now: datetime) -> Received:
    if await may_remind(session, SMS, sender.key, now, now - REMIND_EVERY):
        await _answer(session, vault, "still-stopped", sender)
    return Received.SILENT


async def _answer(
    session: WriteSession, vault: Vault, template: str, sender: Sender, intent: Intent | None = None
) -> None:
    known = await language_of_number(session, sender.key)
    language = known or language_of_word(sender.said, intent) or "de"
    purpose = f"answer:{sender.received_id}"
    sealed = vault.seal(Secret(recipient=Recipient(language=language, phone=sender.number)), purpose)
    correlation_id = current_cause().correlation_id
    draft = Draft(sender.received_id, correlation_id, template, sealed=sealed, purpose=purpose, only=SMS)
    await record(session, vault, [draft])


def language_of_word(said: str, intent: Intent | None) -> str | None:
    """The language whose word this is, if it is that of one language alone among those that we write in."""
    folded = fold(said)
    found = {language for meaning, language, word in intent_words() if meaning is intent and word == folded}
    written = found.intersection(PAGE_LANGUAGES)
    return written.pop() if len(written) == 1 else None
