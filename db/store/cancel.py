"""Canceling and deleting jobs."""

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from db.schema import Job, JobSource, Shard, Source
from db.states import JobState, ShardState
from db.store.counts import close_if_done, end_job, lock_job


class AlreadyFinished(Exception):
    """The job has ended; there is nothing left to cancel."""


class StillRunning(Exception):
    """The job has not ended; cancel it first."""


def cancel(session: Session, job: Job) -> None:
    """Cancels a locked job: ready shards at once, leased ones at their worker's next look. AlreadyFinished."""
    state = JobState(job.state)
    if state.finished:
        raise AlreadyFinished(f"The job is already {state}.")
    if state in (JobState.QUEUED, JobState.UNPACKING):
        # A higher attempt fences out whoever is unpacking it.
        job.attempt += 1
        end_job(session, job, JobState.CANCELED)
        return
    dropped = session.scalars(
        update(Shard)
        .where(Shard.job_id == job.id, Shard.state == ShardState.READY)
        .values(state=ShardState.CANCELED)
        .returning(Shard.size)
        .execution_options(synchronize_session=False)
    )
    photos = sum(dropped)
    job.state = JobState.CANCELING
    job.canceled += photos
    job.pending -= photos
    close_if_done(session, job)


def delete_job(session: Session, job_id: str) -> list[str]:
    """Deletes a finished job with its items; returns the keys of blobs that no job needs any more. StillRunning."""
    job = lock_job(session, job_id)
    if job is None:
        return []
    if not JobState(job.state).finished:
        raise StillRunning("The job is still running: cancel it first.")
    # Locked in the order that all jobs sharing them have: of two jobs deleted at once, the later sees the earlier gone.
    shared = select(Source.id).join(JobSource, JobSource.source_id == Source.id).where(JobSource.job_id == job_id)
    sources = list(session.scalars(shared.order_by(JobSource.ordinal).with_for_update(of=Source)))
    session.execute(delete(Job).where(Job.id == job_id))
    needed = select(func.count()).where(JobSource.source_id == Source.id).scalar_subquery()
    orphans = session.execute(
        delete(Source)
        .where(Source.id.in_(sources), needed == 0)
        .returning(Source.blob)
        .execution_options(synchronize_session=False)
    )
    return list(orphans.scalars())


def find_to_lock(session: Session, owner: str, job_id: str) -> Job | None:
    """The owner's job, locked; None for one that is not theirs."""
    job = lock_job(session, job_id)
    return job if job is not None and job.owner == owner else None
