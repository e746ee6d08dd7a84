"""What residents read of an organisation, and two more roles."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ROLES = "role IN ('owner', 'organiser', 'desk', 'viewer')"


def upgrade() -> None:
    jsonb = postgresql.JSONB(astext_type=sa.Text())
    op.add_column("organisations", sa.Column("profile", jsonb, server_default=sa.text("'{}'"), nullable=False))
    op.drop_constraint(op.f("ck_members_role"), "members", type_="check")
    op.create_check_constraint(op.f("ck_members_role"), "members", ROLES)


def downgrade() -> None:
    op.execute("DELETE FROM members WHERE role IN ('desk', 'viewer')")
    op.drop_constraint(op.f("ck_members_role"), "members", type_="check")
    op.create_check_constraint(op.f("ck_members_role"), "members", "role IN ('owner', 'organiser')")
    op.drop_column("organisations", "profile")
