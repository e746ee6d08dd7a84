"""Noticing that records left the log before this group had read them.

Load-bearing invariants:
- A gap between offsets alone says nothing: compaction leaves gaps. Records are lost if the log begins behind what the
  group has read, by this process or, as the committed offset tells, by an earlier owner of the partition.
- A question to the broker that got no answer is asked again with the next batch; most batches need none.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, TypeAlias

from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

Record: TypeAlias = "ConsumerRecord[bytes, bytes]"
_ANSWER = 5.0  # seconds


class LossWatch:
    """Follows the offsets that one process reads."""

    def __init__(self) -> None:
        self._next: dict[TopicPartition, int] = {}
        self._doubtful: dict[TopicPartition, int] = {}

    async def happened(self, records: Sequence[Record], consumer: Any) -> bool:
        """Whether records that the group had not read are gone from a partition of this batch."""
        self._look(records)
        if not self._doubtful:
            return False
        try:
            async with asyncio.timeout(_ANSWER):
                lost = await self._ask(consumer)
        except (KafkaError, TimeoutError):
            return False
        self._doubtful.clear()
        return lost

    def forget(self, partition: TopicPartition) -> None:
        """The partition is read from another position now."""
        self._next.pop(partition, None)
        self._doubtful.pop(partition, None)

    def _look(self, records: Sequence[Record]) -> None:
        for record in records:
            partition = TopicPartition(record.topic, record.partition)
            expected = self._next.get(partition, 0)
            self._next[partition] = record.offset + 1
            if record.offset > expected:
                self._doubtful.setdefault(partition, expected)

    async def _ask(self, consumer: Any) -> bool:
        assigned = consumer.assignment()
        doubts = {partition: read for partition, read in self._doubtful.items() if partition in assigned}
        starts = await consumer.beginning_offsets(list(doubts)) if doubts else {}
        for partition, read in doubts.items():
            if starts[partition] > read:
                committed = await consumer.committed(partition)
                if starts[partition] > max(read, committed or 0) and (read or committed is not None):
                    return True
        return False
