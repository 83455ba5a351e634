"""a shard's backend, an item's checksum, what workers offer, benchmarks"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("shards", sa.Column("backend", sa.String(length=32), nullable=True))
    op.add_column("items", sa.Column("checksum", sa.String(length=16), nullable=True))
    op.add_column("workers", sa.Column("engines", sa.JSON(), server_default="[]", nullable=False))
    # What was accepted before keeps the backend it asked for.
    wanted = (
        "params ->> 'backend'" if op.get_bind().dialect.name == "postgresql" else "json_extract(params, '$.backend')"
    )
    op.execute(
        f"UPDATE shards SET backend = (SELECT {wanted} FROM jobs WHERE jobs.id = shards.job_id) "
        "WHERE state IN ('ready', 'leased')"
    )
    op.create_table(
        "benchmarks",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("blob", sa.String(length=64), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("model", sa.String(length=100), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("result", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("error", sa.String(length=32), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("created_at", sa.Float(precision=53), nullable=False),
        sa.Column("finished_at", sa.Float(precision=53), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("worker", sa.String(length=100), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_benchmarks")),
        sa.UniqueConstraint("blob", name=op.f("uq_benchmarks_blob")),
    )
    op.create_index("ix_benchmarks_state_id", "benchmarks", ["state", "id"], unique=False)


def downgrade() -> None:
    op.drop_table("benchmarks")
    for table, column in (("workers", "engines"), ("items", "checksum"), ("shards", "backend")):
        with op.batch_alter_table(table) as batch_op:
            batch_op.drop_column(column)
