"""The call list: what the desk tells people who have nothing but paper."""

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("contacts", sa.Column("reach", sqlmodel.sql.sqltypes.AutoString(), nullable=True))
    op.add_column("deliveries", sa.Column("told_by", sa.Uuid(), nullable=True))
    op.drop_constraint(op.f("ck_deliveries_channel"), "deliveries", type_="check")
    op.create_check_constraint(op.f("ck_deliveries_channel"), "deliveries", "channel IN ('email', 'sms', 'desk')")
    told = "told_by IS NULL OR (channel = 'desk' AND state = 'delivered')"
    op.create_check_constraint(op.f("ck_deliveries_told"), "deliveries", told)
    desk = "channel <> 'desk' OR state IN ('queued', 'delivered', 'expired')"
    op.create_check_constraint(op.f("ck_deliveries_desk"), "deliveries", desk)
    op.create_index(
        "ix_deliveries_calls",
        "deliveries",
        ["event_id", "state", "ended_at"],
        unique=False,
        postgresql_where=sa.text("channel = 'desk'"),
    )


def downgrade() -> None:
    op.drop_index("ix_deliveries_calls", table_name="deliveries", postgresql_where=sa.text("channel = 'desk'"))
    op.execute("DELETE FROM deliveries WHERE channel = 'desk'")
    for name in ("desk", "told", "channel"):
        op.drop_constraint(op.f(f"ck_deliveries_{name}"), "deliveries", type_="check")
    op.create_check_constraint(op.f("ck_deliveries_channel"), "deliveries", "channel IN ('email', 'sms')")
    op.drop_column("deliveries", "told_by")
    op.drop_column("contacts", "reach")
