"""items by the beginning of their names"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # In the order of code points a prefix is a range of the index; SQLite compares so anyway.
    if op.get_bind().dialect.name == "postgresql":
        op.execute('ALTER TABLE items ALTER COLUMN name TYPE TEXT COLLATE "C"')
    op.create_index("ix_items_owner_name", "items", ["owner", "name", "job_id", "position"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_items_owner_name", table_name="items")
    if op.get_bind().dialect.name == "postgresql":
        op.execute('ALTER TABLE items ALTER COLUMN name TYPE TEXT COLLATE "default"')
