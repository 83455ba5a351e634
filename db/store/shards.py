"""Making, claiming and extending shards."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, false, insert, or_, select, update
from sqlalchemy.orm import Session

from db.clock import now
from db.schema import Job, Shard
from db.states import JobState, Lane, ShardState
from db.store.fairness import tag_and_weight

# What a worker can judge with: name, version, backend. The backend None is for jobs that leave it to the worker.
Ability = tuple[str, str, str | None]


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


def add_shards(session: Session, job: Job, runs: Iterable[tuple[str, Sequence[list[Any]]]], shard_items: int) -> int:
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
        session.execute(insert(Shard), rows)
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
                Shard.model == name,
                Shard.version == version,
                or_(
                    Shard.backend.in_([backend for backend in wanted if backend is not None]),
                    Shard.backend.is_(None) if None in wanted else false(),
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
    wanted = [Shard.state == ShardState.READY, Shard.suspect.is_(suspects), suits(abilities)]
    if lane is not None:
        wanted.append(Shard.lane == lane)
    ready = (
        select(Shard.id)
        .where(*wanted)
        .order_by(Shard.lane, Shard.fair, Shard.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("ready")
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )
    taken = session.scalars(
        update(Shard)
        .where(Shard.id.in_(select(ready.c.id)))
        .values(state=ShardState.LEASED, attempt=Shard.attempt + 1, lease_until=now() + lease_seconds, worker=worker)
        .returning(Shard)
        .execution_options(synchronize_session=False)
    )
    rows = sorted(taken, key=lambda row: (row.lane, row.fair, row.id))
    return [
        Claim(r.id, r.attempt, r.job_id, r.source_id, r.lane, r.model, r.version, r.suspect, r.entries) for r in rows
    ]


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
    return set(session.scalars(select(Job.id).where(Job.id.in_(list(jobs)), Job.state == JobState.CANCELING)))
