"""Mail by SMTP (RFC 5321) over a few kept connections."""

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import ClassVar, Literal

import aiosmtplib
from aiosmtplib import SMTP

from services.notifications.providers.port import (
    Accepted,
    DeliveryError,
    NotRetryableError,
    OutgoingMail,
    RetryableError,
    ThrottledError,
    UnknownOutcomeError,
)

Security = Literal["starttls", "tls", "none"]
_TOO_MUCH = {421, 450, 451, 452}


class SmtpMail:
    """Hands mails to one mail server."""

    name: ClassVar[str] = "smtp"

    def __init__(
        self,
        *,
        host: str,
        port: int,
        security: Security,
        user: str,
        password: str,
        connections: int,
        timeout: timedelta,
    ) -> None:
        """`security` is STARTTLS on a plain connection (required, not merely tried), TLS from the start, or none."""
        self._host = host
        self._port = port
        self._security = security
        self._login = (user, password) if user else (None, None)
        self._timeout = timeout.total_seconds()
        self._room = asyncio.Semaphore(connections)
        self._idle: list[SMTP] = []

    async def send(self, mail: OutgoingMail) -> Accepted:
        """Hand it over. Raises DeliveryError as the answer demands."""
        async with self._room:
            connection = await self._connection()
            try:
                answer = await self._hand_over(connection, mail)
            except BaseException:
                connection.close()
                raise
            self._idle.append(connection)
            return answer

    async def _hand_over(self, connection: SMTP, mail: OutgoingMail) -> Accepted:
        options = [] if mail.mail.address.isascii() else ["SMTPUTF8"]
        try:
            await connection.sendmail(mail.mail.sender, mail.mail.address, mail.mail.raw, mail_options=options)
        except aiosmtplib.SMTPRecipientsRefused as error:
            raise error_of(error.recipients[0]) from error
        except aiosmtplib.SMTPResponseException as error:
            raise error_of(error) from error
        except aiosmtplib.SMTPNotSupported as error:
            raise NotRetryableError("smtputf8") from error
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            raise UnknownOutcomeError("no-answer") from error
        return Accepted(str(mail.key))

    async def _connection(self) -> SMTP:
        """A connection that answers: one that is kept, else a new one."""
        while self._idle:
            kept = self._idle.pop()
            with suppress(aiosmtplib.SMTPException, OSError, TimeoutError):
                await kept.rset(timeout=self._timeout / 3)
                return kept
            kept.close()
        return await self._connect()

    async def _connect(self) -> SMTP:
        user, password = self._login
        connection = SMTP(
            hostname=self._host,
            port=self._port,
            username=user,
            password=password,
            timeout=self._timeout,
            use_tls=self._security == "tls",
            start_tls=self._security == "starttls",
        )
        try:
            await connection.connect()
        except aiosmtplib.SMTPAuthenticationError as error:
            raise RetryableError(f"login-{error.code}") from error
        except (aiosmtplib.SMTPException, OSError, TimeoutError, ValueError) as error:
            raise RetryableError("not-connected") from error
        return connection

    async def close(self) -> None:
        """Say goodbye on all kept connections."""
        while self._idle:
            connection = self._idle.pop()
            with suppress(aiosmtplib.SMTPException, OSError, TimeoutError):
                await connection.quit(timeout=1)


def error_of(answer: aiosmtplib.SMTPResponseException | aiosmtplib.SMTPRecipientRefused) -> DeliveryError:
    """What a mail server's refusal means: 5xx is for good; 4xx is for now, and mostly means "not so fast"."""
    name = f"smtp-{answer.code}"
    if answer.code >= 500:
        return NotRetryableError(name)
    return ThrottledError(name) if answer.code in _TOO_MUCH else RetryableError(name)
