"""Keeps the counts of places, as the registrations service tells them."""

from uuid import UUID

from sqlalchemy import BigInteger, Integer, Uuid, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY

from shared.contracts.registrations import CapacityChanged, PlacesCount, RegistrationMessage
from shared.database.engine import WriteSession
from shared.messaging.consumers import Consumer

_KEEP = text(
    """
    INSERT INTO places_counts (places_id, taken, waiting, version)
    SELECT * FROM unnest(:ids, :taken, :waiting, :versions)
    ON CONFLICT (places_id) DO UPDATE
    SET taken = excluded.taken, waiting = excluded.waiting, version = excluded.version
    WHERE places_counts.version < excluded.version
    """
).bindparams(
    bindparam("ids", type_=ARRAY(Uuid)),
    bindparam("taken", type_=ARRAY(Integer)),
    bindparam("waiting", type_=ARRAY(Integer)),
    bindparam("versions", type_=ARRAY(BigInteger)),
)
_KNOWN = text("SELECT id FROM places WHERE id = ANY(:ids)").bindparams(bindparam("ids", type_=ARRAY(Uuid)))


class UnknownPlacesError(Exception):
    """The counts are of places that no event of ours has: this service made every event, so the message is wrong."""


async def keep_counts(session: WriteSession, messages: list[CapacityChanged]) -> None:
    """Take over the newest counts of each pool; older ones change nothing. Raises UnknownPlacesError."""
    newest: dict[UUID, PlacesCount] = {}
    for counts in (message.counts for message in messages):
        known = newest.get(counts.places_id)
        if known is None or known.version < counts.version:
            newest[counts.places_id] = counts
    ids = sorted(newest)
    if set((await session.execute(_KNOWN, {"ids": ids})).scalars()) != set(ids):
        raise UnknownPlacesError
    rows = [newest[places_id] for places_id in ids]
    values = {
        "ids": ids,
        "taken": [row.taken for row in rows],
        "waiting": [row.waiting for row in rows],
        "versions": [row.version for row in rows],
    }
    await session.execute(_KEEP, values)


def counts_consumer() -> Consumer:
    """The consumer of the topic `registrations`."""
    return Consumer("places-counts", CapacityChanged.topic, RegistrationMessage, keep_counts)
