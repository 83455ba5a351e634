"""how long the network took, counted in buckets"""

import math
from collections import Counter

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    table = op.create_table(
        "latencies",
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("hour", sa.Integer(), nullable=False),
        sa.Column("backend", sa.String(length=32), nullable=False),
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("owner", "hour", "backend", "bucket", name=op.f("pk_latencies")),
    )
    _count_what_was_judged(table)


def _count_what_was_judged(table: sa.Table) -> None:
    """The only time that the items are read for it: later counts are kept while photos are judged."""
    items = sa.table("items", *map(sa.column, ("owner", "decided_at", "backend", "inference_ms")))
    timed = sa.select(items).where(items.c.inference_ms.is_not(None)).execution_options(yield_per=10_000)
    connection = op.get_bind()
    counts: Counter[tuple[str, int, str, int]] = Counter()
    for owner, at, backend, milliseconds in connection.execute(timed):
        bucket = math.floor(8 * math.log2(min(max(milliseconds, 1e-3), 1e7)))
        counts[owner, int(at // 3600), backend or "", bucket] += 1
    rows = [dict(zip(table.columns.keys(), (*key, count), strict=True)) for key, count in sorted(counts.items())]
    if rows:
        connection.execute(table.insert(), rows)


def downgrade() -> None:
    op.drop_table("latencies")
