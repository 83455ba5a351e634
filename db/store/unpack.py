"""Unpacking a job's sources into shards: claimed, fenced and settled like a shard."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from db.clock import now
from db.schema import Job, JobSource, Source
from db.states import JobState, SourceState
from db.store.counts import close_if_done, database_time, end_job, lock_job
from db.store.settle import LeaseLost, count, insert_items, item_row
from db.store.shards import add_shards
from model.verdict import Verdict


@dataclass(frozen=True, slots=True)
class SourceToUnpack:
    """One source of the job: where its bytes are and what it is."""

    ordinal: int
    source: str
    blob: str
    kind: str
    name: str
    bytes: int


@dataclass(frozen=True, slots=True)
class UnpackClaim:
    """A worker's right to unpack a job; ``attempt`` is the fence."""

    job: str
    attempt: int
    sources: tuple[SourceToUnpack, ...]


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What a source turned out to hold, or why it could not be opened (``error`` and ``message``)."""

    ordinal: int
    source: str
    entries: Sequence[list[Any]] = ()
    refused: Sequence[tuple[list[Any], Verdict]] = ()
    skipped: int = 0
    error: str | None = None
    message: str | None = None


def claim_unpack(session: Session, worker: str, lease_seconds: float) -> UnpackClaim | None:
    """Leases the next job that waits to be unpacked, if any."""
    waiting = (
        select(Job.id)
        .where(Job.state == JobState.QUEUED)
        .order_by(Job.lane, Job.id)
        .limit(1)
        .with_for_update(skip_locked=True)
        .cte("waiting")
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )
    row = session.execute(
        update(Job)
        .where(Job.id.in_(select(waiting.c.id)))
        .values(state=JobState.UNPACKING, attempt=Job.attempt + 1, lease_until=now() + lease_seconds, worker=worker)
        .returning(Job.id, Job.attempt)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    if row is None:
        return None
    sources = session.execute(
        select(JobSource.ordinal, Source.id, Source.blob, Source.kind, JobSource.name, Source.bytes)
        .join(Source, Source.id == JobSource.source_id)
        .where(JobSource.job_id == row.id)
        .order_by(JobSource.ordinal)
    )
    return UnpackClaim(row.id, row.attempt, tuple(SourceToUnpack(*source) for source in sources))


def extend_unpack(session: Session, claim: UnpackClaim, lease_seconds: float) -> bool:
    """Renews the lease; False when it is lost (taken over, or the job was canceled)."""
    hit = session.execute(
        update(Job)
        .where(Job.id == claim.job, Job.attempt == claim.attempt, Job.state == JobState.UNPACKING)
        .values(lease_until=now() + lease_seconds)
        .execution_options(synchronize_session=False)
    )
    return bool(hit.rowcount)  # type: ignore[attr-defined]


def settle_unpack(session: Session, claim: UnpackClaim, results: Sequence[Unpacked], shard_items: int) -> None:
    """Inserts shards, items refused already and the total in one transaction. LeaseLost: nothing was written.

    The job fails when no source could be opened, and is completed at once when there is nothing to judge.
    """
    job = _fenced(session, claim)
    for result in results:
        state = SourceState.FAILED if result.error else SourceState.UNPACKED
        session.execute(
            update(JobSource)
            .where(JobSource.job_id == job.id, JobSource.ordinal == result.ordinal)
            .values(state=state, error=result.error, message=result.message)
        )
    job.lease_until = job.worker = None
    job.skipped = sum(result.skipped for result in results)
    at = job.started_at = database_time(session)
    opened = [result for result in results if not result.error]
    if not opened:
        error, message = next(((r.error, r.message) for r in results if r.error), ("no_source", None))
        fail(session, job, error, message or "The job has no source that can be opened.")
        return
    job.state = JobState.RUNNING
    refused = sum(len(result.refused) for result in opened)
    total = refused + add_shards(session, job, [(r.source, r.entries) for r in opened], shard_items)
    job.total = job.pending = total
    rows = [item_row(job, result.source, entry, verdict, at) for result in opened for entry, verdict in result.refused]
    count(session, {job.id: job}, insert_items(session, rows), at)
    close_if_done(session, job, at)


def fail_unpack(session: Session, claim: UnpackClaim, error: str, message: str) -> None:
    """Ends the job for a fault of all its sources. LeaseLost: nothing was written."""
    fail(session, _fenced(session, claim), error, message)


def hand_back_unpack(session: Session, claim: UnpackClaim) -> None:
    """Puts the job back in the queue, without a mark against it."""
    job = _fenced(session, claim)
    job.state, job.lease_until, job.worker = JobState.QUEUED, None, None


def fail(session: Session, job: Job, error: str, message: str) -> None:
    """Marks a locked job as failed."""
    job.error, job.message = error, message
    end_job(session, job, JobState.FAILED)


def _fenced(session: Session, claim: UnpackClaim) -> Job:
    job = lock_job(session, claim.job)
    if job is None or job.attempt != claim.attempt or job.state != JobState.UNPACKING:
        raise LeaseLost(f"the unpacking of job {claim.job} was taken over or canceled after attempt {claim.attempt}")
    return job
