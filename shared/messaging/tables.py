"""The tables of the messaging, one set in each service's database. Core tables: no row of them is an object."""

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Identity,
    Index,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    Uuid,
    func,
)

_BUSY = {
    "autovacuum_vacuum_scale_factor": "0.02",
    "autovacuum_vacuum_insert_scale_factor": "0.05",
    "autovacuum_vacuum_cost_delay": "0",
}


def add_messaging_tables(metadata: MetaData) -> None:
    """Declare outbox, inbox, parked and log_positions in a service's metadata."""
    outbox = Table(
        "outbox",
        metadata,
        Column("id", BigInteger, Identity(), primary_key=True),
        Column("message_id", Uuid, nullable=False),
        Column("topic", Text, nullable=False),
        Column("key", Text, nullable=False),
        Column("shard", SmallInteger, nullable=False),
        Column("value", LargeBinary),
        Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
        Column("published_at", DateTime(timezone=True)),
    )
    Index("ix_outbox_pending", outbox.c.id, postgresql_where=outbox.c.published_at.is_(None))
    Index("ix_outbox_created_at", outbox.c.created_at)
    inbox = Table(
        "inbox",
        metadata,
        Column("consumer", Text, primary_key=True),
        Column("message_id", Uuid, primary_key=True),
        Column("received_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    )
    Index("ix_inbox_received_at", inbox.c.received_at)
    parked = Table(
        "parked",
        metadata,
        Column("id", BigInteger, Identity(), primary_key=True),
        Column("consumer", Text, nullable=False),
        Column("waits_for", Text, nullable=False),
        Column("topic", Text, nullable=False),
        Column("key", Text, nullable=False),
        Column("value", LargeBinary, nullable=False),
        Column("parked_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    )
    Index("ix_parked_waits_for", parked.c.consumer, parked.c.waits_for, parked.c.id)
    Table(
        "log_positions",
        metadata,
        Column("reader", Text, primary_key=True),
        Column("epoch", Text, nullable=False),
    )


BUSY_TABLES = ("outbox", "inbox")


def autovacuum_statements() -> list[str]:
    """Storage settings for a migration to apply: these tables turn over quickly."""
    options = ", ".join(f"{name} = {value}" for name, value in _BUSY.items())
    return [f"ALTER TABLE {table} SET ({options})" for table in BUSY_TABLES]
