"""items by the day of their verdict"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    day = "(CAST(floor(decided_at / 86400) AS INTEGER))"
    if op.get_bind().dialect.name == "sqlite":
        day = "(CAST(decided_at / 86400 AS INTEGER))"
    op.create_index("ix_items_owner_day", "items", ["owner", sa.text(day), "job_id", "position"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_items_owner_day", table_name="items")
