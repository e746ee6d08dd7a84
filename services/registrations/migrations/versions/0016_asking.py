"""Asking volunteers: who may be asked when somebody is missing in a shift, and who was."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("registrations", sa.Column("askable", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_table(
        "askable",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("registration_id", sa.Uuid(), nullable=False),
        sa.Column("agreed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_askable_person_id_people"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["registration_id"],
            ["registrations.id"],
            name=op.f("fk_askable_registration_id_registrations"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("person_id", "organisation_id", name=op.f("pk_askable")),
    )
    op.create_index(
        "ix_askable_organisation", "askable", ["organisation_id"], postgresql_where=sa.text("ended_at IS NULL")
    )
    op.create_table(
        "asks",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("places_id", sa.Uuid(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_asks_person_id_people"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("person_id", "places_id", name=op.f("pk_asks")),
    )


def downgrade() -> None:
    op.drop_table("asks")
    op.drop_table("askable")
    op.drop_column("registrations", "askable")
