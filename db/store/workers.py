"""Heartbeats of worker processes."""

from collections.abc import Iterable

from sqlalchemy import delete
from sqlalchemy.orm import Session

from db.schema import Worker
from db.store.counts import database_time
from db.store.shards import Ability


def beat(
    session: Session, name: str, kind: str, state: str, abilities: Iterable[Ability] = (), backend: str | None = None
) -> None:
    """Writes a worker's state, what it can judge with, the ``backend`` it takes by itself, and the time."""
    at = database_time(session)
    row = session.get(Worker, name)
    if row is None:
        row = Worker(name=name, kind=kind, started_at=at)
        session.add(row)
    row.state, row.backend, row.beat_at = state, backend, at
    known = list(abilities)
    row.models = [list(model) for model in sorted({one[:2] for one in known})]
    row.engines = sorted([name, version, named] for name, version, named in known if named is not None)


def leave(session: Session, name: str) -> None:
    """Deletes the row of a worker that ends in order."""
    session.execute(delete(Worker).where(Worker.name == name))
