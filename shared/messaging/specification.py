"""The AsyncAPI document of a service: what it listens to and what it publishes, from the contracts themselves."""

from collections.abc import Mapping, Sequence
from typing import Any

from faststream.kafka import KafkaBroker
from faststream.specification import AsyncAPI

from shared.messaging.consumers import Consumer, attach


def asyncapi_document(
    service: str, consumers: Sequence[Consumer], publishes: Mapping[str, Any], version: str
) -> dict[str, Any]:
    """An AsyncAPI 3 document. `publishes` is topic to contract."""
    broker = KafkaBroker(logger=None)
    for consumer in consumers:
        attach(broker, consumer, service)
    for topic, contract in publishes.items():
        broker.publisher(topic, schema=contract, description=(contract.__doc__ or "").strip())
    specification = AsyncAPI(
        broker, title=f"Teilhabe {service}", version=version, schema_version="3.0.0"
    ).to_specification()
    document: dict[str, Any] = specification.to_jsonable()
    return document
