"""Check-out, and the hours that somebody worked in a shift."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("check_ins", sa.Column("left_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "hours",
        sa.Column("registration_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claimed_minutes", sa.Integer(), nullable=True),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("note", sa.String(), server_default="", nullable=False),
        sa.Column("signed_minutes", sa.Integer(), nullable=True),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("signed_by", sa.Uuid(), nullable=True),
        sa.CheckConstraint("claimed_minutes BETWEEN 0 AND 1440", name=op.f("ck_hours_claimed_minutes")),
        sa.CheckConstraint("signed_minutes BETWEEN 0 AND 1440", name=op.f("ck_hours_signed_minutes")),
        sa.CheckConstraint("(claimed_minutes IS NULL) = (claimed_at IS NULL)", name=op.f("ck_hours_claimed")),
        sa.CheckConstraint(
            "(signed_minutes IS NULL) = (signed_at IS NULL) AND (signed_at IS NULL) = (signed_by IS NULL)",
            name=op.f("ck_hours_signed"),
        ),
        sa.CheckConstraint("char_length(note) <= 500", name=op.f("ck_hours_note")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_hours_person_id_people")),
        sa.ForeignKeyConstraint(
            ["registration_id"],
            ["registrations.id"],
            name=op.f("fk_hours_registration_id_registrations"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("registration_id", name=op.f("pk_hours")),
    )
    op.create_index("ix_hours_event_id", "hours", ["event_id"])
    op.create_index("ix_hours_person_id", "hours", ["person_id"])
    op.create_index("ix_hours_organisation", "hours", ["organisation_id", "starts_at"])


def downgrade() -> None:
    op.drop_table("hours")
    op.drop_column("check_ins", "left_at")
