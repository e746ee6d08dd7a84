"""Accounts at an identity provider, and the sessions that it opened."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "identities",
        sa.Column("subject_hash", sa.LargeBinary(), nullable=False),
        sa.Column("issuer", sa.String(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("linked_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_identities_person_id_people")),
        sa.PrimaryKeyConstraint("subject_hash", name=op.f("pk_identities")),
        sa.UniqueConstraint("person_id", "issuer", name=op.f("uq_identities_person_id_issuer")),
    )
    op.add_column("member_sessions", sa.Column("at_provider", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.alter_column("member_sessions", "at_provider", server_default=None)


def downgrade() -> None:
    op.drop_column("member_sessions", "at_provider")
    op.drop_table("identities")
