"""Deleting what has outlived its time, in small transactions. Rows first: the caller deletes blobs after the commit."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from db.clock import now
from db.query.outlived import needed
from db.schema import Benchmark, Item, Job, Review, Shard, Source
from db.states import JobState
from db.store.counts import lock_job


@dataclass(frozen=True, slots=True)
class Dropped:
    """A blob that no row asks for any more."""

    blob: str
    bytes: int


def drop_uploads(session: Session, sources: Collection[str], cutoff: float) -> list[Dropped]:
    """Marks those uploads as deleted that no job needs (see `needed`); their blobs are the caller's to delete.

    A retry that is making a job over one of them is not waited for: that upload is left for another time.
    """
    free = select(Source.id).where(Source.id.in_(sources), Source.deleted_at.is_(None))
    locked = list(session.scalars(free.order_by(Source.id).with_for_update(skip_locked=True)))
    # Asked again under the lock: a retry may have been committed since they were listed.
    gone = session.execute(
        update(Source)
        .where(Source.id.in_(locked), ~needed(cutoff))
        .values(deleted_at=now())
        .returning(Source.blob, Source.bytes)
        .execution_options(synchronize_session=False)
    )
    return [Dropped(row.blob, row.bytes) for row in gone]


def expire(session: Session, job_id: str, cutoff: float) -> bool:
    """Ends the time of a job's results: from now on they answer that they were deleted. False: there was no reason."""
    job = lock_job(session, job_id)
    if job is None or not JobState(job.state).finished or job.expired_at is not None:
        return False
    if job.finished_at is None or job.finished_at >= cutoff:
        return False
    job.expired_at = session.scalar(select(now()))
    return True


def clear(session: Session, job_id: str, limit: int) -> tuple[int, bool]:
    """Deletes the next ``limit`` items of an expired job with their reviews, or else its shards.

    Returns how many items, and whether more may be left. Counts and tallies stay.
    """
    chosen = select(Item.position).where(Item.job_id == job_id, Job.id == Item.job_id, Job.expired_at.is_not(None))
    chosen = chosen.order_by(Item.position).limit(limit)
    last = session.scalar(select(func.max(chosen.subquery().c.position)))
    if last is None:
        expired = select(Job.id).where(Job.id == job_id, Job.expired_at.is_not(None))
        session.execute(delete(Shard).where(Shard.job_id.in_(expired)).execution_options(synchronize_session=False))
        return 0, False
    hit = 0
    for table in (Review, Item):
        rows = delete(table).where(table.job_id == job_id, table.position <= last)
        hit = session.execute(rows.execution_options(synchronize_session=False)).rowcount  # type: ignore[attr-defined]
    return hit, True


def drop_benchmarks(session: Session, cutoff: float, limit: int) -> list[Dropped]:
    """Deletes benchmarks that ended before ``cutoff``; their pictures should be gone already, but for a crash."""
    old = select(Benchmark.id).where(Benchmark.finished_at < cutoff).order_by(Benchmark.id).limit(limit)
    gone = session.execute(
        delete(Benchmark)
        .where(Benchmark.id.in_(old.scalar_subquery()))
        .returning(Benchmark.blob, Benchmark.bytes)
        .execution_options(synchronize_session=False)
    )
    return [Dropped(row.blob, row.bytes) for row in gone]
