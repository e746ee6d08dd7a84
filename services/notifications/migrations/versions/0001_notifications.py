"""The first tables."""

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

from shared.messaging.tables import autovacuum_statements

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


# Each delivery is updated two or three times: its table turns over like the outbox.
_DELIVERIES_SETTINGS = [
    "ALTER TABLE deliveries SET (fillfactor = 80)",
    "ALTER TABLE deliveries SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0)",
]


def upgrade() -> None:
    op.create_table(
        "contacts",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("language", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("email", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("phone", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("email_key", sa.Uuid(), nullable=True),
        sa.Column("phone_key", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("person_id", name=op.f("pk_contacts")),
    )
    op.create_index(op.f("ix_contacts_email_key"), "contacts", ["email_key"], unique=False)
    op.create_index(op.f("ix_contacts_phone_key"), "contacts", ["phone_key"], unique=False)
    op.create_table(
        "deliveries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("cause_id", sa.Uuid(), nullable=False),
        sa.Column("correlation_id", sa.Uuid(), nullable=False),
        sa.Column("recipient", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("address_key", sa.Uuid(), nullable=True),
        sa.Column("template", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("channel", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=True),
        sa.Column("registration_id", sa.Uuid(), nullable=True),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("sealed", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("purpose", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("state", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("idempotency_key", sa.Uuid(), nullable=False),
        sa.Column("provider", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("provider_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("segments", sa.Integer(), nullable=True),
        sa.Column("error_code", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(state = 'sending') = (lease_until IS NOT NULL)", name=op.f("ck_deliveries_lease")),
        sa.CheckConstraint("channel IN ('email', 'sms')", name=op.f("ck_deliveries_channel")),
        sa.CheckConstraint(
            "state IN ('queued', 'sending', 'unknown', 'sent', 'delivered', 'failed', 'suppressed', 'expired')",
            name=op.f("ck_deliveries_state"),
        ),
        sa.CheckConstraint("(sealed IS NULL) = (purpose IS NULL)", name=op.f("ck_deliveries_sealed")),
        sa.CheckConstraint("attempts >= 0", name=op.f("ck_deliveries_attempts")),
        sa.CheckConstraint("person_id IS NOT NULL OR address_key IS NOT NULL", name=op.f("ck_deliveries_recipient")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
        sa.UniqueConstraint("cause_id", name=op.f("uq_deliveries_cause_id")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_deliveries_idempotency_key")),
    )
    op.create_index(
        "ix_deliveries_address_key",
        "deliveries",
        ["address_key"],
        unique=False,
        postgresql_where=sa.text("address_key IS NOT NULL"),
    )
    op.create_index("ix_deliveries_created_at", "deliveries", ["created_at"], unique=False)
    op.create_index(
        "ix_deliveries_due",
        "deliveries",
        ["next_attempt_at", "id"],
        unique=False,
        postgresql_where=sa.text("state IN ('queued', 'unknown')"),
    )
    op.create_index("ix_deliveries_event", "deliveries", ["event_id", "template", "channel", "state"], unique=False)
    op.create_index(
        "ix_deliveries_lease",
        "deliveries",
        ["lease_until"],
        unique=False,
        postgresql_where=sa.text("state = 'sending'"),
    )
    op.create_index("ix_deliveries_recipient", "deliveries", ["recipient", "id"], unique=False)
    op.create_table(
        "events",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("status", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("state", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
    )
    op.create_index(op.f("ix_events_organisation_id"), "events", ["organisation_id"], unique=False)
    op.create_table(
        "inbound",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("provider", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("provider_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("number_key", sa.Uuid(), nullable=False),
        sa.Column("content_key", sa.Uuid(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("repeats", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbound")),
        sa.UniqueConstraint("provider", "provider_id", name=op.f("uq_inbound_provider_provider_id")),
    )
    op.create_index("ix_inbound_content", "inbound", ["number_key", "content_key", "received_at"], unique=False)
    op.create_index(op.f("ix_inbound_received_at"), "inbound", ["received_at"], unique=False)
    op.create_table(
        "inbox",
        sa.Column("consumer", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("consumer", "message_id", name=op.f("pk_inbox")),
    )
    op.create_index("ix_inbox_received_at", "inbox", ["received_at"], unique=False)
    op.create_table(
        "log_positions",
        sa.Column("reader", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("reader", name=op.f("pk_log_positions")),
    )
    op.create_table(
        "mails",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("idempotency_key", sa.Uuid(), nullable=False),
        sa.Column("address", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("subject", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mails")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_mails_idempotency_key")),
    )
    op.create_index(op.f("ix_mails_address"), "mails", ["address"], unique=False)
    op.create_index(op.f("ix_mails_created_at"), "mails", ["created_at"], unique=False)
    op.create_table(
        "members",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.CheckConstraint("role IN ('owner', 'organiser')", name=op.f("ck_members_role")),
        sa.PrimaryKeyConstraint("organisation_id", "person_id", name=op.f("pk_members")),
    )
    op.create_index("ix_members_person_id", "members", ["person_id"], unique=False)
    op.create_table(
        "optouts",
        sa.Column("channel", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("address_key", sa.Uuid(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("channel IN ('email', 'sms')", name=op.f("ck_optouts_channel")),
        sa.PrimaryKeyConstraint("channel", "address_key", name=op.f("pk_optouts")),
    )
    op.create_table(
        "organisations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organisations")),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("shard", sa.SmallInteger(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
    )
    op.create_index("ix_outbox_created_at", "outbox", ["created_at"], unique=False)
    op.create_index(
        "ix_outbox_pending", "outbox", ["id"], unique=False, postgresql_where=sa.text("published_at IS NULL")
    )
    op.create_table(
        "parked",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("consumer", sa.Text(), nullable=False),
        sa.Column("waits_for", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("parked_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_parked")),
    )
    op.create_index("ix_parked_waits_for", "parked", ["consumer", "waits_for", "id"], unique=False)
    op.create_table(
        "phone_messages",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("idempotency_key", sa.Uuid(), nullable=False),
        sa.Column("number", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("direction", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("text", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("direction IN ('sent', 'written')", name=op.f("ck_phone_messages_direction")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_phone_messages")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_phone_messages_idempotency_key")),
    )
    op.create_index(op.f("ix_phone_messages_created_at"), "phone_messages", ["created_at"], unique=False)
    op.create_index(op.f("ix_phone_messages_number"), "phone_messages", ["number"], unique=False)
    op.create_table(
        "receipts",
        sa.Column("provider", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("provider_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("status", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("provider", "provider_id", "status", name=op.f("pk_receipts")),
    )
    op.create_index(op.f("ix_receipts_received_at"), "receipts", ["received_at"], unique=False)
    for statement in [*autovacuum_statements(), *_DELIVERIES_SETTINGS]:
        op.execute(statement)


def downgrade() -> None:
    op.drop_index(op.f("ix_receipts_received_at"), table_name="receipts")
    op.drop_table("receipts")
    op.drop_index(op.f("ix_phone_messages_number"), table_name="phone_messages")
    op.drop_index(op.f("ix_phone_messages_created_at"), table_name="phone_messages")
    op.drop_table("phone_messages")
    op.drop_index("ix_parked_waits_for", table_name="parked")
    op.drop_table("parked")
    op.drop_index("ix_outbox_pending", table_name="outbox", postgresql_where=sa.text("published_at IS NULL"))
    op.drop_index("ix_outbox_created_at", table_name="outbox")
    op.drop_table("outbox")
    op.drop_table("organisations")
    op.drop_table("optouts")
    op.drop_index("ix_members_person_id", table_name="members")
    op.drop_table("members")
    op.drop_index(op.f("ix_mails_created_at"), table_name="mails")
    op.drop_index(op.f("ix_mails_address"), table_name="mails")
    op.drop_table("mails")
    op.drop_table("log_positions")
    op.drop_index("ix_inbox_received_at", table_name="inbox")
    op.drop_table("inbox")
    op.drop_index(op.f("ix_inbound_received_at"), table_name="inbound")
    op.drop_index("ix_inbound_content", table_name="inbound")
    op.drop_table("inbound")
    op.drop_index(op.f("ix_events_organisation_id"), table_name="events")
    op.drop_table("events")
    op.drop_index("ix_deliveries_recipient", table_name="deliveries")
    op.drop_index("ix_deliveries_lease", table_name="deliveries", postgresql_where=sa.text("state = 'sending'"))
    op.drop_index("ix_deliveries_event", table_name="deliveries")
    op.drop_index(
        "ix_deliveries_due", table_name="deliveries", postgresql_where=sa.text("state IN ('queued', 'unknown')")
    )
    op.drop_index("ix_deliveries_created_at", table_name="deliveries")
    op.drop_index(
        "ix_deliveries_address_key", table_name="deliveries", postgresql_where=sa.text("address_key IS NOT NULL")
    )
    op.drop_table("deliveries")
    op.drop_index(op.f("ix_contacts_phone_key"), table_name="contacts")
    op.drop_index(op.f("ix_contacts_email_key"), table_name="contacts")
    op.drop_table("contacts")
