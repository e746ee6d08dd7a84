"""Notes and marks, names as the console searches them, and what came of what staff did to registrations."""

import sqlalchemy as sa
import sqlmodel
from alembic import op

from shared.i18n.folding import fold

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

AT_ONCE = 1000
NAMED = sa.text(
    "SELECT id, name FROM registrations WHERE name IS NOT NULL AND name_folded = '' AND id > :last"
    " ORDER BY id LIMIT :most"
)
FOLDED = sa.text("UPDATE registrations SET name_folded = :folded WHERE id = :id")
NOBODY = "00000000-0000-0000-0000-000000000000"


def upgrade() -> None:
    string = sqlmodel.sql.sqltypes.AutoString
    op.add_column("registrations", sa.Column("name_folded", string(), server_default="", nullable=False))
    op.add_column("registrations", sa.Column("marked", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("registrations", sa.Column("note", string(), server_default="", nullable=False))
    op.create_check_constraint(op.f("ck_registrations_note"), "registrations", "char_length(note) <= 2000")
    _fold_names()
    op.create_table(
        "list_versions",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_list_versions")),
    )
    op.create_table(
        "action_outcomes",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("request_key", sa.Uuid(), nullable=False),
        sa.Column("registration_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("action", string(), nullable=False),
        sa.Column("outcome", string(), nullable=False),
        sa.Column("most", sa.Integer(), nullable=True),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "action IN ('move-up', 'party', 'note', 'mark', 'unmark', 'cancel')", name=op.f("ck_action_outcomes_action")
        ),
        sa.CheckConstraint(
            "outcome IN ('done', 'unchanged', 'no-room', 'too-large', 'ended', 'not-answered', 'note-too-long',"
            " 'unknown')",
            name=op.f("ck_action_outcomes_outcome"),
        ),
        sa.PrimaryKeyConstraint("person_id", "request_key", "registration_id", name=op.f("pk_action_outcomes")),
    )
    op.create_index("ix_action_outcomes_done_at", "action_outcomes", ["done_at"], unique=False)


def _fold_names() -> None:
    connection, last = op.get_bind(), NOBODY
    while rows := connection.execute(NAMED, {"last": last, "most": AT_ONCE}).all():
        connection.execute(FOLDED, [{"id": row.id, "folded": fold(row.name)} for row in rows])
        last = str(rows[-1].id)


def downgrade() -> None:
    op.drop_index("ix_action_outcomes_done_at", table_name="action_outcomes")
    op.drop_table("action_outcomes")
    op.drop_table("list_versions")
    op.drop_constraint(op.f("ck_registrations_note"), "registrations", type_="check")
    op.drop_column("registrations", "note")
    op.drop_column("registrations", "marked")
    op.drop_column("registrations", "name_folded")
