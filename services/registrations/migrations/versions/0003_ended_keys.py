"""The index by which a repeated request finds its registration once that has ended."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_registrations_ended_key",
        "registrations",
        ["request_key"],
        unique=False,
        postgresql_where=sa.text("request_key IS NOT NULL AND state IN ('cancelled', 'expired')"),
    )


def downgrade() -> None:
    op.drop_index("ix_registrations_ended_key", table_name="registrations")
