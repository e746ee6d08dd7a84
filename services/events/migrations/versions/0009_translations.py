"""Translations that co-hosts propose."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "translation_proposals",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("access_notes", sa.String(), nullable=False),
        sa.Column("event_version", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("written_by", sa.Uuid(), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("request_key", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('open', 'approved', 'declined')", name=op.f("ck_translation_proposals_state")),
        sa.CheckConstraint("title <> ''", name=op.f("ck_translation_proposals_title")),
        sa.CheckConstraint("(state = 'open') = (decided_at IS NULL)", name=op.f("ck_translation_proposals_decided_at")),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name=op.f("fk_translation_proposals_event_id_events")),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisations.id"],
            name=op.f("fk_translation_proposals_organisation_id_organisations"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_translation_proposals")),
    )
    op.create_index(
        "uq_translation_proposals_open",
        "translation_proposals",
        ["event_id", "language"],
        unique=True,
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index("ix_translation_proposals_event_id", "translation_proposals", ["event_id"])
    op.create_table(
        "translation_reviews",
        sa.Column("proposal_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["proposal_id"],
            ["translation_proposals.id"],
            name=op.f("fk_translation_reviews_proposal_id_translation_proposals"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"],
            ["organisations.id"],
            name=op.f("fk_translation_reviews_organisation_id_organisations"),
        ),
        sa.PrimaryKeyConstraint("proposal_id", "organisation_id", name=op.f("pk_translation_reviews")),
    )


def downgrade() -> None:
    op.drop_table("translation_reviews")
    op.drop_table("translation_proposals")
