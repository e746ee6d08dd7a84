"""When somebody was asked whether they come to their shift, and when they said yes."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("asked_to_come_at", "coming_at"):
        op.add_column("registrations", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_places_shifts", "places", ["starts_at"], postgresql_where=sa.text("is_shift"))


def downgrade() -> None:
    op.drop_index("ix_places_shifts", "places")
    op.drop_column("registrations", "coming_at")
    op.drop_column("registrations", "asked_to_come_at")
