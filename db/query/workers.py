"""Workers that are alive."""

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.clock import now
from db.schema import Worker
from db.store.shards import Ability

# A worker beats every few seconds; after so many without a beat it counts as gone.
ALIVE_SECONDS = 30.0


def alive(session: Session, kind: str | None = None) -> list[Worker]:
    """Workers with a recent heartbeat, by name."""
    query = select(Worker).where(Worker.beat_at > now() - ALIVE_SECONDS).order_by(Worker.name)
    if kind is not None:
        query = query.where(Worker.kind == kind)
    return list(session.scalars(query))


def abilities(workers: Iterable[Worker]) -> set[Ability]:
    """What these workers can judge with, together."""
    found: set[Ability] = set()
    for worker in workers:
        found |= {(name, version, None) for name, version in worker.models}
        found |= {(name, version, backend) for name, version, backend in worker.engines}
    return found
