"""Making, claiming and extending shards."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Update, and_, bindparam, false, insert, or_, select, update
from sqlalchemy.orm import Session

from db.clock import now
from db.dialects import table
from db.schema import Job, Shard
from db.states import JobState, Lane, ShardState
from db.store.fairness import tag_and_weight

# What a worker can judge with: name, version, backend. The backend None is for jobs that leave it to the worker.
Ability = tuple[str, str, str | None]
STATEMENTS = 64
"""Statements kept for so many sets of abilities and the like: making one takes longer than running it."""

_SHARDS = table(Shard)
_CLAIMED = (
    _SHARDS.c.id,
    _SHARDS.c.attempt,
    _SHARDS.c.job_id,
    _SHARDS.c.source_id,
    _SHARDS.c.lane,
    _SHARDS.c.model,
    _SHARDS.c.version,
    _SHARDS.c.suspect,
    _SHARDS.c.entries,
    _SHARDS.c.fair,
)
_ADD = insert(_SHARDS)
_CANCELING = select(Job.id).where(Job.id.in_(bindparam("jobs", expanding=True)), Job.state == JobState.CANCELING)


@dataclass(frozen=True, slots=True)
class Claim:
    """A worker's right to a shard. ``attempt`` is the fence: a later claim of the same shard has a higher one."""

    shard: int
    attempt: int
    job: str
    source: str
    lane: int
    model: str
    version: str
    suspect: bool
    entries: list[list[Any]]


@dataclass(frozen=True, slots=True)
class NewJob:
    """What is known of a job as it is made."""

    id: str
    owner: str
    lane: Lane
    state: JobState
    model: str
    version: str
    params: dict[str, Any]


def add_shards(
    session: Session, job: Job | NewJob, runs: Iterable[tuple[str, Sequence[list[Any]]]], shard_items: int
) -> int:
    """Cuts runs of entries (source id, entries) into ready shards with fair tags; returns the number of items."""
    tag, weight = tag_and_weight(session, job.lane, job.owner)
    before = 0
    rows: list[dict[str, Any]] = []
    for source, entries in runs:
        for start in range(0, len(entries), shard_items):
            part = list(entries[start : start + shard_items])
            rows.append(
                {
                    "job_id": job.id,
                    "source_id": source,
                    "owner": job.owner,
                    "state": ShardState.READY,
                    "lane": job.lane,
                    "fair": tag + before * weight,
                    "suspect": False,
                    "model": job.model,
                    "version": job.version,
                    "backend": job.params.get("backend"),
                    "entries": part,
                    "size": len(part),
                    "attempt": 0,
                    "deaths": 0,
                }
            )
            before += len(part)
    if rows:
        session.execute(_ADD, rows)
    return before


def suits(abilities: Collection[Ability]) -> ColumnElement[bool]:
    """The condition that a shard asks for a model and backend among ``abilities``."""
    backends: dict[tuple[str, str], list[str | None]] = {}
    for name, version, backend in abilities:
        backends.setdefault((name, version), []).append(backend)
    return or_(
        false(),
        *(
            and_(
                _SHARDS.c.model == name,
                _SHARDS.c.version == version,
                or_(
                    _SHARDS.c.backend.in_([backend for backend in wanted if backend is not None]),
                    _SHARDS.c.backend.is_(None) if None in wanted else false(),
                ),
            )
            for (name, version), wanted in backends.items()
        ),
    )


def claim(
    session: Session,
    worker: str,
    abilities: Collection[Ability],
    lease_seconds: float,
    limit: int,
    *,
    suspects: bool = False,
    lane: Lane | None = None,
) -> list[Claim]:
    """Leases up to ``limit`` ready shards that the worker can judge, in fair order.

    ``suspects``: only shards under suspicion of killing workers, which are judged one at a time.
    """
    statement = _claiming(frozenset(abilities), suspects, lane)
    taken = session.execute(statement, {"most": limit, "lease": lease_seconds, "claimer": worker})
    return [Claim(*row[:-1]) for row in sorted(taken, key=lambda row: (row.lane, row.fair, row.id))]


@lru_cache(STATEMENTS)
def _claiming(abilities: frozenset[Ability], suspects: bool, lane: Lane | None) -> Update:
    wanted = [_SHARDS.c.state == ShardState.READY, _SHARDS.c.suspect.is_(suspects), suits(abilities)]
    if lane is not None:
        wanted.append(_SHARDS.c.lane == lane)
    ready = (
        select(_SHARDS.c.id)
        .where(*wanted)
        .order_by(_SHARDS.c.lane, _SHARDS.c.fair, _SHARDS.c.id)
        .limit(bindparam("most"))
        .with_for_update(skip_locked=True)
        .cte("ready")
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )
    return (
        update(_SHARDS)
        .where(_SHARDS.c.id.in_(select(ready.c.id)))
        .values(
            state=ShardState.LEASED,
            attempt=_SHARDS.c.attempt + 1,
            lease_until=now() + bindparam("lease"),
            worker=bindparam("claimer"),
        )
        .returning(*_CLAIMED)
    )


def extend(session: Session, worker: str, claims: Sequence[Claim], lease_seconds: float) -> set[int]:
    """Renews the worker's leases; returns the shards that are still its own."""
    held = or_(false(), *(and_(Shard.id == c.shard, Shard.attempt == c.attempt) for c in claims))
    # Only who takes a shard away locks it while it is leased. Not to wait for them means never to deadlock with them.
    mine = (
        select(Shard.id)
        .where(held, Shard.state == ShardState.LEASED, Shard.worker == worker)
        .with_for_update(skip_locked=True)
        .cte("mine")
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )
    kept = session.scalars(
        update(Shard)
        .where(Shard.id.in_(select(mine.c.id)))
        .values(lease_until=now() + lease_seconds)
        .returning(Shard.id)
        .execution_options(synchronize_session=False)
    )
    return set(kept)


def canceling(session: Session, jobs: Iterable[str]) -> set[str]:
    """Those of the jobs that are being canceled."""
    return set(session.scalars(_CANCELING, {"jobs": list(jobs)}))
