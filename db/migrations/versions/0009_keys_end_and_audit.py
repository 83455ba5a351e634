"""keys that end and are changed for new ones; what administrators did"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("keys", sa.Column("expires_at", sa.Float(precision=53), nullable=True))
    op.add_column("keys", sa.Column("previous_digest", sa.String(length=64), nullable=True))
    op.add_column("keys", sa.Column("previous_until", sa.Float(precision=53), nullable=True))
    op.create_index("ix_keys_previous_digest", "keys", ["previous_digest"], unique=False)
    op.create_table(
        "audit",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("at", sa.Float(precision=53), nullable=False),
        sa.Column("actor", sa.String(length=64), nullable=False),
        sa.Column("key_id", sa.String(length=26), nullable=True),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("action", sa.String(length=32), nullable=False),
        sa.Column("target", sa.String(length=100), nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )


def downgrade() -> None:
    op.drop_table("audit")
    op.drop_index("ix_keys_previous_digest", table_name="keys")
    op.drop_column("keys", "previous_until")
    op.drop_column("keys", "previous_digest")
    op.drop_column("keys", "expires_at")
