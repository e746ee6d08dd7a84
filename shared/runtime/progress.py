"""Is a consumer stuck, or has it nothing to do? aiokafka's can get stuck after a rebalance, and a handler can hang."""

from time import monotonic
from typing import Any

from aiokafka import TopicPartition
from faststream.kafka import KafkaBroker

from shared.messaging.consumption import Consumption

STUCK_AFTER = 120.0
"""Seconds, far more than a batch takes."""


class Progress:
    """Judges each topic by itself, so that a busy consumer does not speak for a stuck one."""

    def __init__(self, broker: KafkaBroker, consumption: Consumption) -> None:
        self._broker = broker
        self._consumption = consumption
        self._lagging_since: dict[str, float] = {}

    async def stuck(self) -> list[str]:
        """The topics whose batch has not ended, or whose records have not been taken up, for `STUCK_AFTER` seconds.

        A consumer that waits for its own database is not stuck. Records that lie about are known from one call to
        the next alone.
        """
        waiting = {topic for _, topic in self._consumption.waiting}
        return [topic for topic in await self._old(monotonic() - STUCK_AFTER) if topic not in waiting]

    async def _old(self, limit: float) -> list[str]:
        handling = [topic for topic, since in self._consumption.handling_since.items() if since < limit]
        consumers = [getattr(subscriber, "consumer", None) for subscriber in self._broker.subscribers]
        idle = [
            (topic, consumer)
            for consumer in consumers
            if consumer is not None
            for topic in consumer.subscription()
            if topic not in self._consumption.handling_since
        ]
        return handling + [topic for topic, consumer in idle if self._lags_since(topic, consumer) < limit]

    def _lags_since(self, topic: str, consumer: Any) -> float:
        now = monotonic()
        if not any(_lag(consumer, partition) for partition in consumer.assignment() if partition.topic == topic):
            self._lagging_since.pop(topic, None)
            return now
        since = self._lagging_since.setdefault(topic, now)
        return max(since, self._consumption.progressed_at.get(topic, 0.0))


def _lag(consumer: Any, partition: TopicPartition) -> int:
    """Records fetched or announced that were not taken up; aiokafka's `position` would wait for the broker."""
    assignment = consumer._subscription.subscription.assignment  # noqa: SLF001
    state = assignment.state_value(partition) if assignment else None
    if state is None or not state.has_valid_position:
        return 0
    return max(0, (consumer.highwater(partition) or 0) - int(state.position))
