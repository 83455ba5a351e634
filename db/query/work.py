"""What a worker needs to know of the work it claims or might claim."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.schema import Job, Shard, Source
from db.states import Lane, ShardState
from db.store.shards import Ability, suits


@dataclass(frozen=True, slots=True)
class BlobPlace:
    """Where a source's bytes are, how many there must be, and their digest."""

    blob: str
    bytes: int
    sha256: str


def next_ability(session: Session, abilities: Collection[Ability]) -> Ability | None:
    """What the first ready shard among those the worker can judge asks for; None when nothing is ready."""
    # Shards under suspicion come last: one of them may end this worker.
    row = session.execute(
        select(Shard.model, Shard.version, Shard.backend)
        .where(Shard.state == ShardState.READY, suits(abilities))
        .order_by(Shard.suspect, Shard.lane, Shard.fair, Shard.id)
        .limit(1)
    ).one_or_none()
    return None if row is None else (row.model, row.version, row.backend)


def asked_for(session: Session) -> set[Ability]:
    """What the shards that are ready ask for, all jobs together."""
    rows = session.execute(
        select(Shard.model, Shard.version, Shard.backend).where(Shard.state == ShardState.READY).distinct()
    )
    return {(row.model, row.version, row.backend) for row in rows}


def interactive_waits(session: Session, abilities: Collection[Ability]) -> bool:
    """Whether the interactive lane has a ready shard that the worker can judge."""
    ready = select(Shard.id).where(
        Shard.state == ShardState.READY,
        Shard.suspect.is_(False),
        Shard.lane == Lane.INTERACTIVE,
        suits(abilities),
    )
    return session.scalar(ready.limit(1)) is not None


def suspect_waits(session: Session, abilities: Collection[Ability]) -> bool:
    """Whether a shard under suspicion is ready that the worker can judge."""
    ready = select(Shard.id).where(Shard.state == ShardState.READY, Shard.suspect.is_(True), suits(abilities))
    return session.scalar(ready.limit(1)) is not None


def params(session: Session, jobs: Iterable[str]) -> dict[str, dict[str, Any]]:
    """The judging parameters of each job."""
    rows = session.execute(select(Job.id, Job.params).where(Job.id.in_(list(jobs))))
    return {row.id: row.params for row in rows}


def places(session: Session, sources: Iterable[str]) -> dict[str, BlobPlace]:
    """Where each source's bytes are."""
    rows = session.execute(
        select(Source.id, Source.blob, Source.bytes, Source.sha256).where(Source.id.in_(list(sources)))
    )
    return {row.id: BlobPlace(row.blob, row.bytes, row.sha256) for row in rows}
