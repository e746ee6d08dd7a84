"""The topics that Teilhabe uses, as `deploy/topics.toml` declares them.

`python -m shared.messaging.topics ADDRESS` creates them on a Kafka; the embedded broker creates them itself.
"""

import argparse
import asyncio
import re
import sys
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

COMPACTED = "latest per key"
_DURATION_KEYS = {
    "compact_after": "min.compaction.lag.ms",
    "compact_within": "max.compaction.lag.ms",
    "keep_tombstones": "delete.retention.ms",
}
_SECONDS = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400}
_ALREADY_EXISTS = 36
_SEGMENTS_PER_RETENTION = 24
_AS_LARGE_AS_READ = {"compression.type": "uncompressed"}
"""The broker unpacks what comes compressed, and refuses what is too large then: no megabyte becomes a gigabyte here."""
_VISIBLE_WITHIN = timedelta(seconds=15)


class TopicsError(Exception):
    """The broker's topics are not as declared, or cannot be created; the text says which and why."""


@dataclass(frozen=True, slots=True)
class Topic:
    """One Kafka topic: its name, partition count, Kafka's own settings, and the services that read it."""

    name: str
    partitions: int
    config: Mapping[str, str]
    groups: tuple[str, ...] = ()


def topic_name(stream: str) -> str:
    """The name of a stream's topic, such as `teilhabe.events.v1` for `events`."""
    return f"teilhabe.{stream}.v1"


def consumer_group(topic: str, group: str) -> str:
    """Kafka's group id of the service `group` as a reader of `topic`: each topic rebalances by itself."""
    return f"{topic}.{group}"


def dead_letter_topic(topic: str, group: str) -> str:
    """The name of the topic that takes what `group` could not process of `topic`."""
    return f"{topic}.{group}.dlq"


@cache
def declared_topics() -> tuple[Topic, ...]:
    """The topics of the declaration, without the dead letters."""
    declaration = _declaration()
    defaults = declaration["defaults"]
    return tuple(_topic(topic_name(stream), defaults | words) for stream, words in declaration["topics"].items())


@cache
def all_topics() -> tuple[Topic, ...]:
    """Every topic that a broker must have: the declared ones, and dead letters for each of their groups."""
    declaration = _declaration()
    return declared_topics() + tuple(
        _topic(dead_letter_topic(topic_name(stream), group), _dead_letters(declaration, words))
        for stream, words in declaration["topics"].items()
        for group in words["groups"]
    )


async def create_topics(
    bootstrap: str,
    *,
    replication_factor: int,
    topics: Iterable[Topic] | None = None,
    **connection: Any,
) -> list[str]:
    """Create the topics that `bootstrap` lacks and return their names; what exists is left as it is.

    Args:
        bootstrap: `host:port` of a broker.
        replication_factor: copies of each partition; 1 on a single node, 3 in production.
        topics: what to create; all declared topics if not given.
        connection: more settings of aiokafka's admin client, such as TLS and SASL.

    Raises:
        TopicsError: a topic exists with fewer partitions than declared (partitions are never added: that
            would move keys and lose their order), the broker refused one, or one did not appear within 15 s.
        aiokafka.errors.KafkaError: the broker did not answer.
    """
    from aiokafka.admin import AIOKafkaAdminClient

    wanted = tuple(all_topics() if topics is None else topics)
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, **connection)
    try:
        await admin.start()
        existing = await _partition_counts(admin)
        missing = [topic for topic in wanted if topic.name not in existing]
        if missing:
            await _create(admin, missing, replication_factor)
            existing = await _await_topics(admin, {topic.name for topic in missing})
        _check_partitions(wanted, existing)
        return [topic.name for topic in missing]
    finally:
        await admin.close()


def parse_duration(text: str) -> timedelta:
    """The time that a text such as `24 hours` names.

    Raises:
        ValueError: the text is not a whole number and one of second(s), minute(s), hour(s), day(s).
    """
    match = re.fullmatch(r"(\d+) (second|minute|hour|day)s?", text)
    if match is None:
        raise ValueError(f"{text!r} is no duration; write for instance '24 hours' or '14 days'")
    return timedelta(seconds=int(match[1]) * _SECONDS[match[2]])


def _declaration() -> dict[str, Any]:
    packaged = Path(__file__).with_name("topics.toml")
    checkout = Path(__file__).parents[2] / "deploy" / "topics.toml"
    return tomllib.loads((packaged if packaged.exists() else checkout).read_text(encoding="utf-8"))


def _dead_letters(declaration: Mapping[str, Any], words: Mapping[str, Any]) -> dict[str, Any]:
    defaults: dict[str, Any] = declaration["dead_letters"]
    return defaults | {"keep": words.get("keep_dead_letters", defaults["keep"])}


def _topic(name: str, words: Mapping[str, Any]) -> Topic:
    config = _cleanup(words["keep"]) | {"max.message.bytes": str(words["max_message_bytes"])} | _AS_LARGE_AS_READ
    config |= {key: _milliseconds(parse_duration(words[word])) for word, key in _DURATION_KEYS.items() if word in words}
    return Topic(name, words["partitions"], config, tuple(words.get("groups", ())))


def _cleanup(keep: str) -> dict[str, str]:
    if keep == COMPACTED:
        return {"cleanup.policy": "compact"}
    # Kafka removes whole segments: a record outlives its retention by up to the age of its segment.
    segment = parse_duration(keep) / _SEGMENTS_PER_RETENTION
    return {
        "cleanup.policy": "delete",
        "retention.ms": _milliseconds(parse_duration(keep)),
        "segment.ms": _milliseconds(segment),
    }


def _milliseconds(duration: timedelta) -> str:
    return str(duration // timedelta(milliseconds=1))


async def _partition_counts(admin: Any) -> dict[str, int]:
    return {topic["topic"]: len(topic["partitions"]) for topic in await admin.describe_topics()}


async def _create(admin: Any, topics: list[Topic], replication_factor: int) -> None:
    from aiokafka.admin import NewTopic
    from aiokafka.errors import for_code

    answer = await admin.create_topics(
        [
            NewTopic(topic.name, topic.partitions, replication_factor, topic_configs=dict(topic.config))
            for topic in topics
        ]
    )
    refused = [
        f"{name}: {message or for_code(code).__name__}"
        for name, code, message in answer.topic_errors
        if code not in {0, _ALREADY_EXISTS}
    ]
    if refused:
        raise TopicsError("The broker refused topics: " + "; ".join(refused))


async def _await_topics(admin: Any, names: set[str]) -> dict[str, int]:
    """A broker answers a creation before every node shows the topic."""
    deadline = asyncio.get_running_loop().time() + _VISIBLE_WITHIN.total_seconds()
    while names - (counts := await _partition_counts(admin)).keys():
        if asyncio.get_running_loop().time() > deadline:
            raise TopicsError("The broker does not show: " + ", ".join(sorted(names - counts.keys())))
        await asyncio.sleep(0.05)
    return counts


def _check_partitions(wanted: Iterable[Topic], counts: Mapping[str, int]) -> None:
    small = [
        f"{topic.name} has {counts[topic.name]} partitions, declared are {topic.partitions}"
        for topic in wanted
        if counts[topic.name] < topic.partitions
    ]
    if small:
        raise TopicsError(
            "; ".join(small) + ". Adding partitions would reorder keys: create a new version of the topic."
        )


def main(arguments: list[str] | None = None) -> None:
    """Create the missing topics on the Kafka that the command line names."""
    parser = argparse.ArgumentParser(prog="python -m shared.messaging.topics", description=main.__doc__)
    parser.add_argument("address", help="host:port of a broker")
    parser.add_argument("--replication-factor", type=int, default=1, help="copies of each partition (default: 1)")
    given = parser.parse_args(arguments)
    try:
        created = asyncio.run(create_topics(given.address, replication_factor=given.replication_factor))
    except TopicsError as error:
        sys.exit(str(error))
    sys.stdout.write(f"{len(created)} topics created, {len(all_topics()) - len(created)} were there\n")


if __name__ == "__main__":
    main()
