"""Jobs and their sources."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.clock import now
from db.schema import Job, JobSource, Source
from db.states import JobState


@dataclass(frozen=True, slots=True)
class SourceView:
    """A source as its job shows it."""

    name: str
    kind: str
    bytes: int
    state: str
    error: str | None
    message: str | None
    deleted_at: float | None


@dataclass(frozen=True, slots=True)
class Progress:
    """Photos judged per second since the start, and the seconds left at that rate (both None when unknown)."""

    rate: float | None
    eta_seconds: float | None


def job(session: Session, owner: str, job_id: str) -> Job | None:
    """The owner's job; None for one that is not theirs."""
    return session.scalar(select(Job).where(Job.id == job_id, Job.owner == owner))


def jobs(
    session: Session,
    owner: str,
    limit: int,
    after: str | None = None,
    state: str | None = None,
    idempotency_key: str | None = None,
) -> list[Job]:
    """A page of the owner's jobs, newest first; ``after`` is the last id of the page before."""
    query = select(Job).where(Job.owner == owner).order_by(Job.id.desc()).limit(limit)
    if after is not None:
        query = query.where(Job.id < after)
    if state is not None:
        query = query.where(Job.state == state)
    if idempotency_key is not None:
        query = query.where(Job.idempotency_key == idempotency_key)
    return list(session.scalars(query))


def sources(session: Session, job_ids: list[str]) -> dict[str, list[SourceView]]:
    """The sources of each job, in order."""
    found: dict[str, list[SourceView]] = {job_id: [] for job_id in job_ids}
    rows = session.execute(
        select(JobSource, Source)
        .join(Source, Source.id == JobSource.source_id)
        .where(JobSource.job_id.in_(job_ids))
        .order_by(JobSource.job_id, JobSource.ordinal)
    )
    for place, source in rows:
        view = SourceView(
            place.name, source.kind, source.bytes, place.state, place.error, place.message, source.deleted_at
        )
        found[place.job_id].append(view)
    return found


def uploads(session: Session, job_id: str) -> list[Source]:
    """The uploaded files of a job."""
    places = select(JobSource.source_id).where(JobSource.job_id == job_id)
    return list(session.scalars(select(Source).where(Source.id.in_(places))))


def progress(session: Session, job: Job) -> Progress:
    """Rate and remaining time of a job, by the database's clock."""
    done = job.accepted + job.rejected + job.failed
    if job.started_at is None or not done:
        return Progress(None, None)
    until = job.finished_at or session.scalar(select(now())) or job.started_at
    rate = done / max(until - job.started_at, 0.001)
    running = job.state == JobState.RUNNING
    return Progress(round(rate, 2), round(job.pending / rate, 1) if running else None)
