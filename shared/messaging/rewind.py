"""Reading a partition from the beginning again when the log is not the one that was read before."""

from typing import Any

import structlog
from aiokafka import TopicPartition
from aiokafka.errors import IllegalStateError
from sqlalchemy import text

from shared.database.engine import Database
from shared.messaging.consumption import Consumption

log = structlog.get_logger()

_KNOWN = text("SELECT reader, epoch FROM log_positions WHERE reader = ANY(:readers)")
_REMEMBER = text(
    """
    INSERT INTO log_positions (reader, epoch) VALUES (:reader, :epoch)
    ON CONFLICT (reader) DO UPDATE SET epoch = excluded.epoch
    """
)


async def follow_partitions(
    database: Database, consumer: Any, epoch: str, group: str, consumption: Consumption
) -> None:
    """Rewind each assigned partition that was read under another epoch.

    The rewound position is committed before the epoch is remembered: whoever gets the partition after a crash in
    between rewinds it again.
    """
    readers = {f"{group}:{p.topic}:{p.partition}": p for p in consumer.assignment()}
    async with database.begin() as session:
        rows = await session.execute(_KNOWN, {"readers": list(readers)})
        known: dict[str, str] = {row.reader: row.epoch for row in rows}
    for reader, partition in readers.items():
        if known.get(reader) == epoch:
            continue
        if reader in known and not await _rewind(consumer, partition, consumption):
            continue
        async with database.begin() as session:
            await session.execute(_REMEMBER, {"reader": reader, "epoch": epoch})


async def _rewind(consumer: Any, partition: TopicPartition, consumption: Consumption) -> bool:
    log.warning("consume.rewind", topic=partition.topic, partition=partition.partition)
    start = (await consumer.beginning_offsets([partition]))[partition]
    try:
        consumer.seek(partition, start)
    except IllegalStateError:
        return False
    consumption.rewound(partition)
    await consumer.commit({partition: start})
    return True
