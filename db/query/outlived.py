"""What has outlived its time: uploads, results, benchmarks. Cutoffs are seconds since 1970 by the database's clock."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, tuple_
from sqlalchemy.orm import Session

from db.schema import Benchmark, Item, Job, JobSource, Shard, Source
from db.states import BenchmarkState, JobState

OPEN_STATES = tuple(state for state in JobState if not state.finished)


@dataclass(frozen=True, slots=True)
class OldUpload:
    """An uploaded file whose time is over. ``place`` is where the next page goes on."""

    id: str
    bytes: int
    place: tuple[float, str]


@dataclass(frozen=True, slots=True)
class OldJob:
    """A job whose results' time is over, and how many photos they are. ``place`` as above."""

    id: str
    photos: int
    place: tuple[float, str]


def needed(cutoff: float) -> ColumnElement[bool]:
    """Whether any job needs a source: one that has not ended, or ended after ``cutoff`` and has its results still."""
    wants = or_(Job.state.in_(OPEN_STATES), and_(Job.expired_at.is_(None), Job.finished_at >= cutoff))
    return exists().where(JobSource.source_id == Source.id, Job.id == JobSource.job_id, wants)


def old_uploads(session: Session, cutoff: float, limit: int, after: tuple[float, str] | None = None) -> list[OldUpload]:
    """A page of uploads that no job needs any more, oldest first."""
    query = (
        select(Source.id, Source.bytes, Source.created_at)
        # A job ends after its uploads came, so that younger ones need not be looked at.
        .where(Source.deleted_at.is_(None), Source.created_at < cutoff, ~needed(cutoff))
        .order_by(Source.created_at, Source.id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(tuple_(Source.created_at, Source.id) > after)
    return [OldUpload(row.id, row.bytes, (row.created_at, row.id)) for row in session.execute(query)]


def old_jobs(session: Session, cutoff: float, limit: int, after: tuple[float, str] | None = None) -> list[OldJob]:
    """A page of jobs that ended before ``cutoff`` and have their results still, those that ended first before."""
    query = (
        select(Job.id, Job.accepted + Job.rejected + Job.failed, Job.finished_at)
        .where(Job.expired_at.is_(None), Job.finished_at < cutoff, Job.state.not_in(OPEN_STATES))
        .order_by(Job.finished_at, Job.id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(tuple_(Job.finished_at, Job.id) > after)
    return [OldJob(job, photos, (ended or 0.0, job)) for job, photos, ended in session.execute(query)]


def half_expired(session: Session, limit: int) -> list[str]:
    """Expired jobs that have items or shards left."""
    left = or_(exists().where(Item.job_id == Job.id), exists().where(Shard.job_id == Job.id))
    return list(session.scalars(select(Job.id).where(Job.expired_at.is_not(None), left).order_by(Job.id).limit(limit)))


def old_benchmarks(session: Session, cutoff: float) -> int:
    """How many benchmarks ended before ``cutoff``."""
    return session.scalar(select(func.count()).where(Benchmark.finished_at < cutoff)) or 0


def known_blobs(session: Session, keys: Collection[str]) -> set[str]:
    """Those of the keys that belong to an upload which is kept, or to a benchmark that has not ended."""
    ended = [state for state in BenchmarkState if state.finished]
    found = set(session.scalars(select(Source.blob).where(Source.blob.in_(keys), Source.deleted_at.is_(None))))
    waiting = select(Benchmark.blob).where(Benchmark.blob.in_(keys), Benchmark.state.not_in(ended))
    return found | set(session.scalars(waiting))
