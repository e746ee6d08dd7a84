"""Organisations with profiles, roles and invitations; co-hosts; the audit log."""

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
    op.add_column("organisations", sa.Column("description", jsonb, server_default="{}", nullable=False))
    op.add_column("organisations", sa.Column("languages", sa.ARRAY(sa.Text()), server_default="{}", nullable=False))
    op.add_column("organisations", sa.Column("contact", jsonb, nullable=True))
    op.add_column("organisations", sa.Column("website", sa.String(), server_default="", nullable=False))
    for column in ("description", "languages", "website"):
        op.alter_column("organisations", column, server_default=None)
    op.drop_constraint(op.f("ck_members_role"), "members", type_="check")
    op.create_check_constraint(op.f("ck_members_role"), "members", ROLES)
    op.create_table(
        "logos",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_logos_organisation_id_organisations")
        ),
        sa.PrimaryKeyConstraint("organisation_id", name=op.f("pk_logos")),
    )
    op.create_table(
        "invitations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("address_hash", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_address", sa.String(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("invited_by", sa.Uuid(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(ROLES, name=op.f("ck_invitations_role")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_invitations_organisation_id_organisations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitations")),
        sa.UniqueConstraint(
            "organisation_id", "address_hash", name=op.f("uq_invitations_organisation_id_address_hash")
        ),
        sa.UniqueConstraint("token_hash", name=op.f("uq_invitations_token_hash")),
    )
    op.create_index(op.f("ix_invitations_expires_at"), "invitations", ["expires_at"], unique=False)
    op.create_table(
        "co_hosts",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("role IN ('partner', 'supporter', 'venue', 'interpreting')", name=op.f("ck_co_hosts_role")),
        sa.CheckConstraint("scope IN ('nothing', 'counts', 'names', 'contact')", name=op.f("ck_co_hosts_scope")),
        sa.CheckConstraint("state IN ('invited', 'accepted', 'declined', 'ended')", name=op.f("ck_co_hosts_state")),
        sa.ForeignKeyConstraint(["event_id"], ["events.id"], name=op.f("fk_co_hosts_event_id_events")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_co_hosts_organisation_id_organisations")
        ),
        sa.PrimaryKeyConstraint("event_id", "organisation_id", name=op.f("pk_co_hosts")),
    )
    op.create_index(op.f("ix_co_hosts_organisation_id"), "co_hosts", ["organisation_id"], unique=False)
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=True),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column("before", jsonb, nullable=False),
        sa.Column("after", jsonb, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.create_index("ix_audit_event", "audit", ["event_id", "id"], unique=False)
    op.create_index("ix_audit_organisation", "audit", ["organisation_id", "id"], unique=False)
    op.execute("REVOKE UPDATE, DELETE, TRUNCATE ON audit FROM CURRENT_USER")
    op.execute(
        """
        CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE insufficient_privilege USING MESSAGE = 'the audit log is append-only'; END $$
        """
    )
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    op.drop_table("audit")
    op.execute("DROP FUNCTION refuse_change()")
    op.drop_table("co_hosts")
    op.drop_table("invitations")
    op.drop_table("logos")
    op.execute("DELETE FROM members WHERE role IN ('desk', 'viewer')")
    op.drop_constraint(op.f("ck_members_role"), "members", type_="check")
    op.create_check_constraint(op.f("ck_members_role"), "members", "role IN ('owner', 'organiser')")
    for column in ("website", "contact", "languages", "description"):
        op.drop_column("organisations", column)
