"""When a pool of places ends, and whether it is a role in a shift of volunteers."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("places", sa.Column("is_shift", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("places", sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True))
    op.execute(
        """
        UPDATE places SET ends_at = coalesce(
            (SELECT max((one ->> 'ends_at')::timestamptz) FROM events e, jsonb_array_elements(e.state -> 'sessions') one
             WHERE e.id = places.event_id), places.closes_at)
        """
    )
    op.alter_column("places", "ends_at", nullable=False)


def downgrade() -> None:
    op.drop_column("places", "ends_at")
    op.drop_column("places", "is_shift")
