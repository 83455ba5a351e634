"""retention: uploads that were deleted, and whose turn it is to delete"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sources", sa.Column("deleted_at", sa.Float(precision=53), nullable=True))
    kept = sa.text("deleted_at IS NULL")
    op.create_index(
        "ix_sources_kept", "sources", ["created_at", "id"], unique=False, sqlite_where=kept, postgresql_where=kept
    )
    kept = sa.text("expired_at IS NULL")
    op.create_index("ix_jobs_kept", "jobs", ["finished_at"], unique=False, sqlite_where=kept, postgresql_where=kept)
    op.execute("INSERT INTO beats (name, due_at) VALUES ('retention', 0)")


def downgrade() -> None:
    op.execute("DELETE FROM beats WHERE name = 'retention'")
    op.drop_index("ix_jobs_kept", table_name="jobs")
    op.drop_index("ix_sources_kept", table_name="sources")
    op.drop_column("sources", "deleted_at")
