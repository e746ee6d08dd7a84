"""Sign in by a link that is sent by e-mail. The commands never commit.

What answers a request does the same for every address: it stores one row. A worker finds out later who is known.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import case, delete, func, literal, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col
from uuid6 import uuid7

from services.events.organisations.members import use_language
from services.events.sign_in.model import MemberSessionRow, RequestState, SignInLinkRow, SignInRequestRow
from shared.contracts.notification_requests import NotificationRequested, Secret, Template
from shared.database.engine import WriteSession
from shared.messaging.outbox import publish
from shared.vault import Vault, new_secret, token_hash

_AT_ONCE = 50


class LinkNotGoodError(Exception):
    """The link was used, its time is over, it never was, or its person belongs to no organisation any more."""


@dataclass(frozen=True)
class SignedIn:
    """`secret` is the session's cookie; it is kept nowhere else."""

    secret: str
    person_id: UUID
    next_url: str | None


async def ask_for_link(session: WriteSession, *, address_hash: bytes, next_url: str | None, now: datetime) -> None:
    """Store that somebody wants a link: one statement, whether the address is a member's or not."""
    request = {"address_hash": address_hash, "next_url": next_url, "state": RequestState.NEW, "requested_at": now}
    await session.execute(insert(SignInRequestRow).values(request))


_TAKE = text(
    """
    WITH taken AS (
        SELECT id FROM sign_in_requests WHERE state = 'new' ORDER BY id LIMIT :count FOR UPDATE SKIP LOCKED
    )
    UPDATE sign_in_requests r SET state = 'done' FROM taken WHERE r.id = taken.id
    RETURNING r.next_url, r.requested_at,
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
    values = {"person_id": row.person_id, "next_url": row.next_url, "expires_at": expires_at}
    await session.execute(insert(SignInLinkRow).values(token_hash=token_hash(token), **values))
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


async def sign_in(
    session: WriteSession,
    vault: Vault,
    token: str,
    *,
    replaces: str | None,
    language: str,
    lifetime: timedelta,
    now: datetime,
) -> SignedIn:
    """Use the link and open a session in the place of the one that the browser had.

    The member is written to in `language` from now on: that of the page on which the link is used, since whoever asked
    for it may be a stranger. Two who use one link at once: one of them signs in. Raises LinkNotGoodError.
    """
    used = await session.execute(
        delete(SignInLinkRow)
        .where(col(SignInLinkRow.token_hash) == token_hash(token), col(SignInLinkRow.expires_at) > now)
        .where(text("EXISTS (SELECT FROM members m WHERE m.person_id = sign_in_links.person_id)"))
        .returning(col(SignInLinkRow.person_id), col(SignInLinkRow.next_url))
    )
    link = used.one_or_none()
    if link is None:
        raise LinkNotGoodError
    await use_language(session, vault, link.person_id, language)
    secret = await open_session(session, link.person_id, replaces=replaces, lifetime=lifetime, now=now)
    return SignedIn(secret, link.person_id, link.next_url)


async def open_session(
    session: WriteSession,
    person_id: UUID,
    *,
    replaces: str | None,
    lifetime: timedelta,
    now: datetime,
    at_provider: bool = False,
) -> str:
    """A new session in the place of the one that the browser had; returns its secret, which is kept nowhere."""
    await end_session(session, replaces)
    secret = new_secret()
    row = {
        "secret_hash": token_hash(secret),
        "person_id": person_id,
        "at_provider": at_provider,
        "opened_at": now,
        "expires_at": now + lifetime,
    }
    await session.execute(insert(MemberSessionRow).values(row))
    return secret


async def renew_session(
    session: WriteSession,
    secret: str | None,
    *,
    lifetime: timedelta,
    longest: timedelta,
    longest_at_provider: timedelta,
    now: datetime,
) -> UUID | None:
    """Whose session it is, which then lives on for `lifetime`, `longest` in all; None if it has ended.

    After `longest_at_provider` the identity provider is asked again: who has lost a role there has then lost it here.
    """
    if not secret:
        return None
    in_all = case((col(MemberSessionRow.at_provider), literal(longest_at_provider)), else_=literal(longest))
    renewed = await session.execute(
        update(MemberSessionRow)
        .where(col(MemberSessionRow.secret_hash) == token_hash(secret), col(MemberSessionRow.expires_at) > now)
        .values(expires_at=func.least(now + lifetime, col(MemberSessionRow.opened_at) + in_all))
        .returning(col(MemberSessionRow.person_id))
    )
    return renewed.scalar_one_or_none()


async def end_session(session: WriteSession, secret: str | None) -> bool:
    """Sign the browser out; ending what has ended changes nothing. Returns whether it had come by the provider."""
    if not secret:
        return False
    ended = await session.execute(
        delete(MemberSessionRow)
        .where(col(MemberSessionRow.secret_hash) == token_hash(secret))
        .returning(col(MemberSessionRow.at_provider))
    )
    return bool(ended.scalar_one_or_none())


async def forget_old(session: WriteSession, window: timedelta, now: datetime) -> None:
    """Delete links and sessions whose time is over, and requests that were answered before the window."""
    await session.execute(delete(SignInLinkRow).where(col(SignInLinkRow.expires_at) <= now))
    await session.execute(delete(MemberSessionRow).where(col(MemberSessionRow.expires_at) <= now))
    await session.execute(
        text("DELETE FROM sign_in_requests WHERE state = 'done' AND requested_at <= :since"), {"since": now - window}
    )
