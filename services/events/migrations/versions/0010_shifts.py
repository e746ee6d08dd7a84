"""Shifts of volunteers, and the roles in them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    jsonb = postgresql.JSONB(astext_type=sa.Text())
    for name in ("roles", "shifts"):
        op.add_column("events", sa.Column(name, jsonb, nullable=False, server_default=sa.text("'[]'")))
        op.alter_column("events", name, server_default=None)


def downgrade() -> None:
    op.drop_column("events", "shifts")
    op.drop_column("events", "roles")
