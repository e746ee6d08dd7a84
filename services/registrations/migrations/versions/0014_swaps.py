"""Swaps: two people in two shifts, who change places if both agree."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0012"
branch_labels = None
depends_on = None


def _moment(name: str, *, nullable: bool = False) -> sa.Column:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    registration = {"refcolumns": ["registrations.id"], "ondelete": "CASCADE"}
    op.create_table(
        "swaps",
        sa.Column("id", sa.Uuid(), nullable=False),
        *(
            sa.Column(name, sa.Uuid(), nullable=False)
            for name in ("event_id", "first_id", "second_id", "first_places", "second_places", "asked_by")
        ),
        _moment("asked_at"),
        _moment("expires_at"),
        _moment("first_agreed_at", nullable=True),
        _moment("second_agreed_at", nullable=True),
        _moment("ended_at", nullable=True),
        sa.Column("outcome", sa.String(), nullable=True),
        sa.CheckConstraint("first_id <> second_id AND first_places <> second_places", name=op.f("ck_swaps_two")),
        sa.CheckConstraint("(ended_at IS NULL) = (outcome IS NULL)", name=op.f("ck_swaps_ended")),
        sa.CheckConstraint(
            "outcome IN ('done', 'declined', 'expired', 'impossible', 'withdrawn')", name=op.f("ck_swaps_outcome")
        ),
        sa.CheckConstraint(
            "outcome <> 'done' OR (first_agreed_at IS NOT NULL AND second_agreed_at IS NOT NULL)",
            name=op.f("ck_swaps_both_agreed"),
        ),
        sa.ForeignKeyConstraint(["first_id"], name=op.f("fk_swaps_first_id_registrations"), **registration),
        sa.ForeignKeyConstraint(["second_id"], name=op.f("fk_swaps_second_id_registrations"), **registration),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_swaps")),
    )
    op.create_index("ix_swaps_event_id", "swaps", ["event_id"])
    still_open = {"postgresql_where": sa.text("ended_at IS NULL")}
    op.create_index("uq_swaps_first", "swaps", ["first_id"], unique=True, **still_open)
    op.create_index("uq_swaps_second", "swaps", ["second_id"], unique=True, **still_open)
    op.create_index("ix_swaps_expires_at", "swaps", ["expires_at"], **still_open)


def downgrade() -> None:
    op.drop_table("swaps")
