"""Sign in by a link that is sent by e-mail. The commands never commit.

What answers a request does the same for every address: it stores one row. A worker finds out later who is known.
"""

import secrets
from base64 import b32encode
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col
from uuid6 import uuid7

from services.events.organisations.commands import use_language
from services.events.sign_in.model import MemberSessionRow, SignInLinkRow
from shared.contracts.notification_requests import NotificationRequested, Secret, Template
from shared.database.engine import WriteSession
from shared.messaging.outbox import publish
from shared.vault import Vault, token_hash

_AT_ONCE = 50


class LinkNotGoodError(Exception):
    """The link was used, its time is over, it never was, or its person belongs to no organisation any more."""


@dataclass(frozen=True)
class Limits:
    """How many links may be asked for within `window`, for one address and from one client."""

    window: timedelta
    per_address: int
    per_client: int


@dataclass(frozen=True)
class SignedIn:
    """`secret` is the session's cookie; it is kept nowhere else."""

    secret: str
    person_id: UUID
    next_url: str | None


_COUNT_LOCK = text("SELECT pg_advisory_xact_lock(key) FROM unnest(CAST(:keys AS bigint[])) AS key ORDER BY key")
_ASK = text(
    """
    INSERT INTO sign_in_requests (address_hash, client_hash, next_url, language, state, requested_at)
    SELECT :address, :client, :next_url, :language, 'new', :now
    WHERE (SELECT count(*) FROM sign_in_requests WHERE address_hash = :address AND requested_at > :since) < :per_address
      AND (SELECT count(*) FROM sign_in_requests WHERE client_hash = :client AND requested_at > :since) < :per_client
    RETURNING id
    """
)


async def ask_for_link(
    session: WriteSession,
    *,
    address_hash: bytes,
    client_hash: bytes,
    next_url: str | None,
    language: str,
    limits: Limits,
    now: datetime,
) -> bool:
    """Store that somebody wants a link; False, and nothing stored, beyond a limit.

    Takes the same statements and the same time whether the address is a member's or not.
    """
    keys = [int.from_bytes(hashed[:8], signed=True) for hashed in (address_hash, client_hash)]
    await session.execute(_COUNT_LOCK, {"keys": keys})
    values: dict[str, Any] = {
        "address": address_hash,
        "client": client_hash,
        "next_url": next_url,
        "language": language,
        "now": now,
        "since": now - limits.window,
        "per_address": limits.per_address,
        "per_client": limits.per_client,
    }
    return (await session.execute(_ASK, values)).scalar_one_or_none() is not None


_TAKE = text(
    """
    WITH taken AS (
        SELECT id FROM sign_in_requests WHERE state = 'new' ORDER BY id LIMIT :count FOR UPDATE SKIP LOCKED
    )
    UPDATE sign_in_requests r SET state = 'done' FROM taken WHERE r.id = taken.id
    RETURNING r.next_url, r.language, r.requested_at,
              (SELECT p.id FROM people p WHERE p.address_hash = r.address_hash
               AND EXISTS (SELECT FROM members m WHERE m.person_id = p.id)) AS person_id
    """
)


async def answer_requests(session: WriteSession, vault: Vault, lifetime: timedelta) -> int:
    """Send a link for each new request whose address is a member's; returns how many requests were looked at.

    Safe in any number of processes: each request is taken by one.
    """
    rows = (await session.execute(_TAKE, {"count": _AT_ONCE})).all()
    for row in rows:
        if row.person_id is not None:
            await _send_link(session, vault, row, row.requested_at + lifetime)
    return len(rows)


async def _send_link(session: WriteSession, vault: Vault, row: Any, expires_at: datetime) -> None:
    token = new_secret()
    values = {"person_id": row.person_id, "next_url": row.next_url, "language": row.language}
    link = insert(SignInLinkRow).values(token_hash=token_hash(token), expires_at=expires_at, **values)
    await session.execute(link)
    request_id = uuid7()
    message = NotificationRequested(
        aggregate_id=request_id,
        aggregate_version=1,
        template=Template.SIGN_IN,
        person_id=row.person_id,
        sealed=vault.seal(Secret(token=token), f"request:{request_id}"),
        expires_at=expires_at,
    )
    await publish(session, message)


def new_secret() -> str:
    """32 characters (160 bits), a to z and 2 to 7."""
    return b32encode(secrets.token_bytes(20)).decode().lower()


async def sign_in(
    session: WriteSession, vault: Vault, token: str, *, replaces: str | None, lifetime: timedelta, now: datetime
) -> SignedIn:
    """Use the link and open a session in the place of the one that the browser had.

    Two who use one link at once: one of them signs in. Raises LinkNotGoodError.
    """
    used = await session.execute(
        delete(SignInLinkRow)
        .where(col(SignInLinkRow.token_hash) == token_hash(token), col(SignInLinkRow.expires_at) > now)
        .where(text("EXISTS (SELECT FROM members m WHERE m.person_id = sign_in_links.person_id)"))
        .returning(col(SignInLinkRow.person_id), col(SignInLinkRow.next_url), col(SignInLinkRow.language))
    )
    link = used.one_or_none()
    if link is None:
        raise LinkNotGoodError
    await end_session(session, replaces)
    secret = new_secret()
    row = {"secret_hash": token_hash(secret), "person_id": link.person_id, "expires_at": now + lifetime}
    await session.execute(insert(MemberSessionRow).values(row))
    await use_language(session, vault, link.person_id, link.language)
    return SignedIn(secret, link.person_id, link.next_url)


async def renew_session(session: WriteSession, secret: str | None, lifetime: timedelta, now: datetime) -> UUID | None:
    """Whose session it is, which then lives on for `lifetime`; None if it has ended."""
    if not secret:
        return None
    renewed = await session.execute(
        update(MemberSessionRow)
        .where(col(MemberSessionRow.secret_hash) == token_hash(secret), col(MemberSessionRow.expires_at) > now)
        .values(expires_at=now + lifetime)
        .returning(col(MemberSessionRow.person_id))
    )
    return renewed.scalar_one_or_none()


async def end_session(session: WriteSession, secret: str | None) -> None:
    """Sign the browser out; ending what has ended changes nothing."""
    if secret:
        await session.execute(delete(MemberSessionRow).where(col(MemberSessionRow.secret_hash) == token_hash(secret)))


async def forget_old(session: WriteSession, window: timedelta, now: datetime) -> None:
    """Delete links and sessions whose time is over, and requests that no limit counts any more."""
    await session.execute(delete(SignInLinkRow).where(col(SignInLinkRow.expires_at) <= now))
    await session.execute(delete(MemberSessionRow).where(col(MemberSessionRow.expires_at) <= now))
    await session.execute(
        text("DELETE FROM sign_in_requests WHERE state = 'done' AND requested_at <= :since"), {"since": now - window}
    )
