"""Read the state of a sign-in link."""

from datetime import datetime

from sqlalchemy import select
from sqlmodel import col

from services.events.sign_in.model import SignInLinkRow
from shared.database.engine import ReadSession
from shared.vault import token_hash


async def link_is_good(session: ReadSession, token: str, now: datetime) -> bool:
    """Whether the link can still be used. Looking at it does not use it: mail scanners open links."""
    query = select(col(SignInLinkRow.expires_at)).where(col(SignInLinkRow.token_hash) == token_hash(token))
    expires_at = (await session.execute(query)).scalar_one_or_none()
    return expires_at is not None and expires_at > now
