"""How long the network took, and how many photos went through it: read from the buckets."""

from collections import defaultdict
from typing import Any

from sqlalchemy import SQLColumnExpression, func, literal_column, select
from sqlalchemy.orm import Session

from db.schema import Latency

GROUPS: dict[str, SQLColumnExpression[Any]] = {
    "hour": Latency.hour,
    "day": Latency.hour // 24,
    "backend": Latency.backend,
}
Buckets = dict[int, int]


def latencies(
    session: Session, owner: str, by: str, first_hour: int | None = None, end_hour: int | None = None
) -> dict[int | str, Buckets]:
    """Photos of the owner by bucket, for each hour or day (both counted since 1970 UTC) or backend.

    ``end_hour`` is exclusive. Groups without a photo are left out. Raises KeyError for other groups.
    """
    group: SQLColumnExpression[int | str] = GROUPS[by]
    query = (
        select(group, Latency.bucket, func.sum(Latency.count))
        .where(Latency.owner == owner)
        .group_by(literal_column("1"), Latency.bucket)
        .order_by(literal_column("1"))
    )
    if first_hour is not None:
        query = query.where(Latency.hour >= first_hour)
    if end_hour is not None:
        query = query.where(Latency.hour < end_hour)
    found: dict[int | str, Buckets] = defaultdict(dict)
    for name, bucket, count in session.execute(query):
        found[name][bucket] = int(count)
    return dict(found)
