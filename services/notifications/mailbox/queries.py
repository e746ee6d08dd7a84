"""What is on the development phone and in the mailbox."""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from uuid import UUID

from sqlalchemy import func, select
from sqlmodel import col

from services.notifications.mailbox.model import MailRow, PhoneMessageRow
from shared.database.engine import ReadSession
from shared.sms.encoding import Segments, segments

SHOWN = 100


@dataclass(frozen=True)
class Bubble:
    """One SMS as the phone shows it."""

    sent: bool
    text: str
    at: datetime
    segments: Segments


@dataclass(frozen=True)
class Envelope:
    """One mail as the list shows it."""

    id: UUID
    address: str
    subject: str
    at: datetime


@dataclass(frozen=True)
class Attachment:
    """A file of a mail."""

    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True)
class OpenedMail:
    """One mail as its reader sees it. `headers` are those that tell something."""

    envelope: Envelope
    headers: list[tuple[str, str]]
    text: str
    html: str
    attachments: list[Attachment]


async def conversation(session: ReadSession, number: str) -> list[Bubble]:
    """The newest SMS from and to the number, oldest first."""
    statement = select(PhoneMessageRow).where(col(PhoneMessageRow.number) == number)
    newest = statement.order_by(col(PhoneMessageRow.created_at).desc()).limit(SHOWN)
    rows = (await session.execute(newest)).scalars()
    bubbles = [Bubble(row.direction == "sent", row.text, row.created_at, segments(row.text)) for row in rows]
    return bubbles[::-1]


async def known_numbers(session: ReadSession) -> list[str]:
    """The numbers with SMS, the last used first."""
    number, at = col(PhoneMessageRow.number), col(PhoneMessageRow.created_at)
    rows = await session.execute(select(number).group_by(number).order_by(func.max(at).desc()).limit(20))
    return list(rows.scalars())


async def known_addresses(session: ReadSession) -> list[str]:
    """The addresses with mail, the last used first."""
    address, at = col(MailRow.address), col(MailRow.created_at)
    rows = await session.execute(select(address).group_by(address).order_by(func.max(at).desc()).limit(50))
    return list(rows.scalars())


async def mails(session: ReadSession, address: str) -> list[Envelope]:
    """The newest mails first; those to one address, or all if it is empty."""
    columns = (col(MailRow.id), col(MailRow.address), col(MailRow.subject), col(MailRow.created_at))
    statement = select(*columns).order_by(col(MailRow.created_at).desc()).limit(SHOWN)
    if address:
        statement = statement.where(col(MailRow.address) == address)
    return [Envelope(*row) for row in await session.execute(statement)]


async def opened_mail(session: ReadSession, mail_id: UUID) -> OpenedMail | None:
    """The mail, taken apart as a mail program does; nothing if there is none."""
    row = await session.get(MailRow, mail_id)
    if row is None:
        return None
    message = message_from_bytes(row.raw, policy=default)
    return OpenedMail(
        Envelope(row.id, row.address, row.subject, row.created_at),
        _headers(message),
        _body(message, "plain"),
        _with_pictures(message, _body(message, "html")),
        [_attachment(part) for part in message.iter_attachments()],
    )


def _with_pictures(message: EmailMessage, html: str) -> str:
    """The HTML with the mail's own pictures in place of their names (RFC 2392)."""
    for part in message.walk():
        name = str(part["Content-ID"] or "").strip("<>")
        if name and part.get_content_maintype() == "image":
            content = b64encode(bytes(part.get_payload(decode=True))).decode()
            html = html.replace(f'"cid:{name}"', f'"data:{part.get_content_type()};base64,{content}"')
    return html


def _headers(message: EmailMessage) -> list[tuple[str, str]]:
    wanted: Sequence[str] = ("From", "To", "Subject", "Date", "Content-Language", "List-Unsubscribe")
    return [(name, str(message[name])) for name in wanted if message[name]]


def _body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    return str(part.get_content()) if part else ""


def _attachment(part: EmailMessage) -> Attachment:
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)  # noqa: S101 - an attachment of ours has one part
    return Attachment(part.get_filename() or "attachment", part.get_content_type(), content)
