"""Registrations by the desk, and people who have nothing but paper."""

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("people", sa.Column("name", sqlmodel.sql.sqltypes.AutoString(), nullable=True))
    op.add_column("people", sa.Column("reach", sqlmodel.sql.sqltypes.AutoString(), nullable=True))
    op.drop_constraint(op.f("ck_people_means"), "people", type_="check")
    op.create_check_constraint(op.f("ck_people_means"), "people", "means IN ('email', 'phone', 'paper')")
    paper = "(means = 'paper') = (address ~ '^paper:[0-9a-f-]{36}$')"
    op.create_check_constraint(op.f("ck_people_paper"), "people", paper)
    op.create_check_constraint(op.f("ck_people_name"), "people", "(means = 'paper') = (name IS NOT NULL)")
    op.create_check_constraint(op.f("ck_people_reach"), "people", "means = 'paper' OR reach IS NULL")
    op.drop_constraint(op.f("ck_registrations_channel"), "registrations", type_="check")
    op.create_check_constraint(op.f("ck_registrations_channel"), "registrations", "channel IN ('web', 'sms', 'desk')")


def downgrade() -> None:
    op.execute("UPDATE registrations SET channel = 'web' WHERE channel = 'desk'")
    op.drop_constraint(op.f("ck_registrations_channel"), "registrations", type_="check")
    op.create_check_constraint(op.f("ck_registrations_channel"), "registrations", "channel IN ('web', 'sms')")
    op.execute("DELETE FROM registrations r USING people p WHERE r.person_id = p.id AND p.means = 'paper'")
    op.execute("DELETE FROM people WHERE means = 'paper'")
    for name in ("reach", "name", "paper", "means"):
        op.drop_constraint(op.f(f"ck_people_{name}"), "people", type_="check")
    op.create_check_constraint(op.f("ck_people_means"), "people", "means IN ('email', 'phone')")
    op.drop_column("people", "reach")
    op.drop_column("people", "name")
