"""What a worker needs to know of the work it claims or might claim."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Select, bindparam, select
from sqlalchemy.orm import Session

from db.dialects import table
from db.schema import Job, Shard, Source
from db.states import Lane, ShardState
from db.store.shards import STATEMENTS, Ability, suits

_JOBS, _SHARDS, _SOURCES = table(Job), table(Shard), table(Source)
_PARAMS = select(_JOBS.c.id, _JOBS.c.params).where(_JOBS.c.id.in_(bindparam("jobs", expanding=True)))
_PLACES = select(_SOURCES.c.id, _SOURCES.c.blob, _SOURCES.c.bytes, _SOURCES.c.sha256).where(
    _SOURCES.c.id.in_(bindparam("sources", expanding=True))
)


@dataclass(frozen=True, slots=True)
class BlobPlace:
    """Where a source's bytes are, how many there must be, and their digest."""

    blob: str
    bytes: int
    digest: str


def next_ability(session: Session, abilities: Collection[Ability]) -> Ability | None:
    """What the first ready shard among those the worker can judge asks for; None when nothing is ready."""
    row = session.execute(_first_ready(frozenset(abilities))).one_or_none()
    return None if row is None else (row.model, row.version, row.backend)


def asked_for(session: Session) -> set[Ability]:
    """What the shards that are ready ask for, all jobs together."""
    rows = session.execute(
        select(Shard.model, Shard.version, Shard.backend).where(Shard.state == ShardState.READY).distinct()
    )
    return {(row.model, row.version, row.backend) for row in rows}


def interactive_waits(connection: Connection, abilities: Collection[Ability]) -> bool:
    """Whether the interactive lane has a ready shard that the worker can judge. One statement: a glance will do."""
    return connection.scalar(_interactive(frozenset(abilities))) is not None


def suspect_waits(session: Session, abilities: Collection[Ability]) -> bool:
    """Whether a shard under suspicion is ready that the worker can judge."""
    return session.scalar(_suspects(frozenset(abilities))) is not None


def params(session: Session, jobs: Iterable[str]) -> dict[str, dict[str, Any]]:
    """The judging parameters of each job."""
    rows = session.execute(_PARAMS, {"jobs": list(jobs)})
    return {row.id: row.params for row in rows}


def places(session: Session, sources: Iterable[str]) -> dict[str, BlobPlace]:
    """Where each source's bytes are."""
    rows = session.execute(_PLACES, {"sources": list(sources)})
    return {row.id: BlobPlace(row.blob, row.bytes, row.sha256) for row in rows}


@lru_cache(STATEMENTS)
def _first_ready(abilities: frozenset[Ability]) -> Select[Any]:
    # Shards under suspicion come last: one of them may end this worker.
    return (
        select(_SHARDS.c.model, _SHARDS.c.version, _SHARDS.c.backend)
        .where(_SHARDS.c.state == ShardState.READY, suits(abilities))
        .order_by(_SHARDS.c.suspect, _SHARDS.c.lane, _SHARDS.c.fair, _SHARDS.c.id)
        .limit(1)
    )


@lru_cache(STATEMENTS)
def _interactive(abilities: frozenset[Ability]) -> Select[Any]:
    lane = _SHARDS.c.lane == Lane.INTERACTIVE
    return _ready(abilities, suspect=False).where(lane)


@lru_cache(STATEMENTS)
def _suspects(abilities: frozenset[Ability]) -> Select[Any]:
    return _ready(abilities, suspect=True)


def _ready(abilities: frozenset[Ability], suspect: bool) -> Select[Any]:
    state = _SHARDS.c.state == ShardState.READY
    return select(_SHARDS.c.id).where(state, _SHARDS.c.suspect.is_(suspect), suits(abilities)).limit(1)
