"""Heartbeats of worker processes."""

from sqlalchemy import delete
from sqlalchemy.orm import Session

from db.schema import Worker
from db.store.counts import database_time


def beat(
    session: Session, name: str, kind: str, state: str, models: list[tuple[str, str]], backend: str | None
) -> None:
    """Writes a worker's state and the time."""
    at = database_time(session)
    row = session.get(Worker, name)
    if row is None:
        row = Worker(name=name, kind=kind, started_at=at)
        session.add(row)
    row.state, row.models, row.backend, row.beat_at = state, [list(model) for model in models], backend, at


def leave(session: Session, name: str) -> None:
    """Deletes the row of a worker that ends in order."""
    session.execute(delete(Worker).where(Worker.name == name))
