"""Write down what participants let co-hosts see. The commands never commit."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import DateTime, Text, Uuid

from shared.auth.rights import covers
from shared.contracts.events import CoHost, EventState, Scope
from shared.database.engine import WriteSession

_ANSWER = text(
    """
    INSERT INTO consents (registration_id, organisation_id, scope, answered_at)
    SELECT registration_id, organisation_id, scope, :now
    FROM unnest(:registrations, :organisations, :scopes) AS answer (registration_id, organisation_id, scope)
    ON CONFLICT (registration_id, organisation_id) DO UPDATE
    SET scope = excluded.scope, answered_at = excluded.answered_at
    """
).bindparams(
    bindparam("registrations", type_=ARRAY(Uuid)),
    bindparam("organisations", type_=ARRAY(Uuid)),
    bindparam("scopes", type_=ARRAY(Text)),
    bindparam("now", type_=DateTime(timezone=True)),
)


class Answer(NamedTuple):
    """What one registration lets one co-host see."""

    registration_id: UUID
    organisation_id: UUID
    scope: Scope


def asking(event: EventState) -> list[CoHost]:
    """The co-hosts that would see who comes, in an order that stays when one more joins."""
    if not event.co_hosts:
        return []
    asks = [co_host for co_host in event.co_hosts if covers(co_host.scope, Scope.NAMES)]
    return sorted(asks, key=lambda co_host: co_host.organisation_id)


def answers(event: EventState, agreed: Mapping[UUID, bool]) -> dict[UUID, Scope]:
    """What is agreed to by a yes or no to each organisation; one that does not ask is passed over."""
    return {
        co_host.organisation_id: co_host.scope if agreed[co_host.organisation_id] else Scope.NOTHING
        for co_host in asking(event)
        if co_host.organisation_id in agreed
    }


async def save(session: WriteSession, given: Sequence[Answer], now: datetime) -> None:
    """The newest answer to each organisation counts."""
    if given:
        values = {
            "registrations": [answer.registration_id for answer in given],
            "organisations": [answer.organisation_id for answer in given],
            "scopes": [answer.scope.value for answer in given],
        }
        await session.execute(_ANSWER, values | {"now": now})


async def answer(
    session: WriteSession, registration_id: UUID, event: EventState, agreed: Mapping[UUID, bool], now: datetime
) -> None:
    """Change what the registration lets the event's co-hosts see: yes or no by organisation."""
    given = [Answer(registration_id, one, scope) for one, scope in answers(event, agreed).items()]
    await save(session, given, now)
