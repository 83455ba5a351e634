"""How long the network took for each photo, counted by hour, backend and bucket."""

from collections import Counter
from collections.abc import Iterable

from sqlalchemy.orm import Session

from db.buckets import bucket_of
from db.dialects import Insert, table
from db.schema import Latency

HOUR_SECONDS = 3600

_LATENCIES = table(Latency)
_ADD = Insert(
    _LATENCIES,
    lambda insert: insert.on_conflict_do_update(
        index_elements=["owner", "hour", "backend", "bucket"],
        set_={"count": _LATENCIES.c.count + insert.excluded.count},
    ),
)


def add_to_latencies(session: Session, timed: Iterable[tuple[str, str, float]], at: float) -> None:
    """Adds (owner, backend, milliseconds) to the hour of ``at``, in key order: two settlements cannot deadlock."""
    counts = Counter((owner, backend, bucket_of(milliseconds)) for owner, backend, milliseconds in timed)
    if not counts:
        return
    hour = int(at // HOUR_SECONDS)
    rows = [
        {"owner": owner, "hour": hour, "backend": backend, "bucket": bucket, "count": n}
        for (owner, backend, bucket), n in sorted(counts.items())
    ]
    _ADD.run(session, rows)
