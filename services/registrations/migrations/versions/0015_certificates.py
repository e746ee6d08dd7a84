"""Certificates of volunteering."""

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    string = sqlmodel.sql.sqltypes.AutoString
    op.create_table(
        "certificates",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", string(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("registration_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("name", string(), nullable=False),
        sa.Column("language", string(), nullable=False),
        sa.Column("organisation", postgresql.JSONB(), nullable=False),
        sa.Column("event_title", postgresql.JSONB(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("roles", postgresql.JSONB(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("shifts", sa.Integer(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("issued_by", sa.Uuid(), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_by", sa.Uuid(), nullable=True),
        sa.Column("reason", string(), server_default="", nullable=False),
        sa.CheckConstraint("code ~ '^[0-9A-HJKMNP-TV-Z]{12}$'", name=op.f("ck_certificates_code")),
        sa.CheckConstraint("char_length(name) BETWEEN 1 AND 120", name=op.f("ck_certificates_name")),
        sa.CheckConstraint("minutes > 0 AND shifts > 0 AND first_day <= last_day", name=op.f("ck_certificates_hours")),
        sa.CheckConstraint("char_length(reason) <= 500", name=op.f("ck_certificates_reason")),
        sa.CheckConstraint("(revoked_at IS NULL) = (revoked_by IS NULL)", name=op.f("ck_certificates_revoked")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_certificates_person_id_people")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_certificates")),
        sa.UniqueConstraint("code", name=op.f("uq_certificates_code")),
    )
    op.create_index("ix_certificates_event_id", "certificates", ["event_id"])
    op.create_index("ix_certificates_person_id", "certificates", ["person_id"])
    live = sa.text("revoked_at IS NULL")
    op.create_index(
        "uq_certificates_live", "certificates", ["event_id", "person_id"], unique=True, postgresql_where=live
    )


def downgrade() -> None:
    op.drop_table("certificates")
