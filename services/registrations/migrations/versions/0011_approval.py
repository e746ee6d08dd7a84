"""Roles that the organisation decides about: registrations that wait for its answer, and what was promised."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

LIVE = "'held', 'confirmed', 'waitlisted', 'offered'"
ACTIONS = "'move-up', 'party', 'note', 'mark', 'unmark'"
OUTCOMES = "'done', 'unchanged', 'no-room', 'too-large', 'ended', 'not-answered'"
AFTER = {
    "state": f"state IN ({LIVE}, 'pending', 'cancelled', 'expired')",
    "has_places": "state NOT IN ('confirmed', 'offered', 'pending') OR holds_places",
    "has_no_places": "state IN ('held', 'confirmed', 'offered', 'pending') OR NOT holds_places",
}
BEFORE = {
    "state": f"state IN ({LIVE}, 'cancelled', 'expired')",
    "has_places": "state NOT IN ('confirmed', 'offered') OR holds_places",
    "has_no_places": "state IN ('held', 'confirmed', 'offered') OR NOT holds_places",
}


def _check(table: str, rules: dict[str, str]) -> None:
    for name, rule in rules.items():
        op.drop_constraint(op.f(f"ck_{table}_{name}"), table, type_="check")
        op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, rule)


def _one_live(states: str) -> None:
    op.drop_index("uq_registrations_live", table_name="registrations")
    op.create_index(
        "uq_registrations_live",
        "registrations",
        ["person_id", "places_id"],
        unique=True,
        postgresql_where=sa.text(f"state IN ({states})"),
    )


def upgrade() -> None:
    op.add_column("places", sa.Column("answer_within", sa.Integer(), nullable=True))
    op.add_column("registrations", sa.Column("answer_by", sa.DateTime(timezone=True), nullable=True))
    op.add_column("registrations", sa.Column("reminders", sa.Integer(), server_default="0", nullable=False))
    op.add_column("registrations", sa.Column("declined_for", sa.String(), nullable=True))
    _check("registrations", AFTER)
    op.create_check_constraint(
        op.f("ck_registrations_answer_by"), "registrations", "(state = 'pending') = (answer_by IS NOT NULL)"
    )
    _one_live(f"{LIVE}, 'pending'")
    op.create_index(
        "ix_registrations_answer_by",
        "registrations",
        ["answer_by"],
        postgresql_where=sa.text("answer_by IS NOT NULL"),
    )
    actions = {"action": f"action IN ({ACTIONS}, 'decline', 'cancel')"}
    _check("action_outcomes", actions | {"outcome": f"outcome IN ({OUTCOMES}, 'decided', 'note-too-long', 'unknown')"})


def downgrade() -> None:
    actions = {"action": f"action IN ({ACTIONS}, 'cancel')"}
    op.execute("DELETE FROM action_outcomes WHERE action = 'decline' OR outcome = 'decided'")
    _check("action_outcomes", actions | {"outcome": f"outcome IN ({OUTCOMES}, 'note-too-long', 'unknown')"})
    op.drop_index("ix_registrations_answer_by", table_name="registrations")
    op.drop_constraint(op.f("ck_registrations_answer_by"), "registrations", type_="check")
    op.execute("UPDATE registrations SET state = 'confirmed' WHERE state = 'pending'")
    _one_live(LIVE)
    _check("registrations", BEFORE)
    for name in ("declined_for", "reminders", "answer_by"):
        op.drop_column("registrations", name)
    op.drop_column("places", "answer_within")
