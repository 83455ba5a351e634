"""What a worker needs to know of the work it claims or might claim."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, false, or_, select
from sqlalchemy.orm import Session

from db.schema import Job, Shard, Source
from db.states import Lane, ShardState


@dataclass(frozen=True, slots=True)
class BlobPlace:
    """Where a source's bytes are, and how many there must be."""

    blob: str
    bytes: int


def next_model(session: Session, models: Sequence[tuple[str, str]]) -> tuple[str, str] | None:
    """The (model, version) of the first ready shard among those the worker has; None when nothing is ready."""
    known = or_(false(), *(and_(Shard.model == name, Shard.version == version) for name, version in models))
    # Shards under suspicion come last: one of them may end this worker.
    row = session.execute(
        select(Shard.model, Shard.version)
        .where(Shard.state == ShardState.READY, known)
        .order_by(Shard.suspect, Shard.lane, Shard.fair, Shard.id)
        .limit(1)
    ).one_or_none()
    return None if row is None else (row.model, row.version)


def interactive_waits(session: Session) -> bool:
    """Whether the interactive lane has a ready shard."""
    ready = select(Shard.id).where(
        Shard.state == ShardState.READY, Shard.suspect.is_(False), Shard.lane == Lane.INTERACTIVE
    )
    return session.scalar(ready.limit(1)) is not None


def params(session: Session, jobs: Iterable[str]) -> dict[str, dict[str, Any]]:
    """The judging parameters of each job."""
    rows = session.execute(select(Job.id, Job.params).where(Job.id.in_(list(jobs))))
    return {row.id: row.params for row in rows}


def places(session: Session, sources: Iterable[str]) -> dict[str, BlobPlace]:
    """Where each source's bytes are."""
    rows = session.execute(select(Source.id, Source.blob, Source.bytes).where(Source.id.in_(list(sources))))
    return {row.id: BlobPlace(row.blob, row.bytes) for row in rows}
