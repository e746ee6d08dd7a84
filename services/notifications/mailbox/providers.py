"""The development phone and mailbox as providers: what goes out is a row that the page shows."""

from datetime import UTC, datetime
from typing import Any, ClassVar

from sqlalchemy.dialects.postgresql import insert
from uuid6 import uuid7

from services.notifications.mailbox.model import MailRow, PhoneMessageRow
from services.notifications.metadata import Table
from services.notifications.providers.port import Accepted, OutgoingMail, OutgoingSms
from shared.database.engine import Database


class DevelopmentPhone:
    """Brings SMS to the development phone, once per key."""

    name: ClassVar[str] = "development"
    idempotent: ClassVar[bool] = True

    def __init__(self, database: Database) -> None:
        self._database = database

    async def send(self, sms: OutgoingSms) -> Accepted:
        """Show it on the phone; a second time under the same key changes nothing."""
        row = {"idempotency_key": sms.key, "number": sms.number, "direction": "sent", "text": sms.text}
        await _keep(self._database, PhoneMessageRow, row)
        return Accepted(str(sms.key))

    async def close(self) -> None:
        """The database is not its own."""


class DevelopmentMailbox:
    """Puts mails into the development mailbox, once per key."""

    name: ClassVar[str] = "development"

    def __init__(self, database: Database) -> None:
        self._database = database

    async def send(self, mail: OutgoingMail) -> Accepted:
        """Keep it as it would have gone to the mail server; a second time under the same key changes nothing."""
        row = {
            "idempotency_key": mail.key,
            "address": mail.mail.address,
            "subject": mail.mail.subject,
            "raw": mail.mail.raw,
        }
        await _keep(self._database, MailRow, row)
        return Accepted(str(mail.key))

    async def close(self) -> None:
        """The database is not its own."""


async def _keep(database: Database, table: type[Table], row: dict[str, Any]) -> None:
    statement = insert(table).values(id=uuid7(), created_at=datetime.now(UTC), **row)
    async with database.begin() as session:
        await session.execute(statement.on_conflict_do_nothing(index_elements=["idempotency_key"]))
