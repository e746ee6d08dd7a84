"""Sign-in counts its tries in the table of all limits; links have no language, sessions a beginning."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "attempts",
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("free_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_attempts")),
    )
    op.create_index("ix_attempts_free_at", "attempts", ["free_at"], unique=False)
    op.drop_index("ix_sign_in_requests_client", table_name="sign_in_requests")
    op.drop_index("ix_sign_in_requests_address", table_name="sign_in_requests")
    op.drop_column("sign_in_requests", "client_hash")
    op.drop_column("sign_in_requests", "language")
    op.drop_column("sign_in_links", "language")
    op.add_column(
        "member_sessions",
        sa.Column("opened_at", sa.DateTime(timezone=True), server_default=sa.func.now(), nullable=False),
    )
    op.alter_column("member_sessions", "opened_at", server_default=None)


def downgrade() -> None:
    op.drop_column("member_sessions", "opened_at")
    op.add_column("sign_in_links", sa.Column("language", sa.String(), server_default="de", nullable=False))
    op.add_column("sign_in_requests", sa.Column("language", sa.String(), server_default="de", nullable=False))
    op.add_column("sign_in_requests", sa.Column("client_hash", sa.LargeBinary(), server_default="", nullable=False))
    op.create_index("ix_sign_in_requests_address", "sign_in_requests", ["address_hash", "requested_at"], unique=False)
    op.create_index("ix_sign_in_requests_client", "sign_in_requests", ["client_hash", "requested_at"], unique=False)
    op.drop_table("attempts")
