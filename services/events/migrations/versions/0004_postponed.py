"""Events that are postponed: the state, its reason, and the starts that an event had before it was moved."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_constraint(op.f("ck_events_state"), "events", type_="check")
    op.create_check_constraint(
        op.f("ck_events_state"), "events", "state IN ('draft', 'published', 'postponed', 'cancelled')"
    )
    moments = postgresql.ARRAY(sa.DateTime(timezone=True))
    op.add_column("events", sa.Column("previous_starts", moments, server_default="{}", nullable=False))
    op.add_column("event_texts", sa.Column("postponement_reason", sa.String(), server_default="", nullable=False))
    op.alter_column("events", "previous_starts", server_default=None)
    op.alter_column("event_texts", "postponement_reason", server_default=None)


def downgrade() -> None:
    op.drop_column("event_texts", "postponement_reason")
    op.drop_column("events", "previous_starts")
    op.drop_constraint(op.f("ck_events_state"), "events", type_="check")
    op.create_check_constraint(op.f("ck_events_state"), "events", "state IN ('draft', 'published', 'cancelled')")
