"""Ending a job whose uploaded file is gone."""

from sqlalchemy import update
from sqlalchemy.orm import Session

from db.schema import Shard
from db.states import JobState, ShardState
from db.store.counts import lock_job
from db.store.unpack import fail


def fail_job(session: Session, job_id: str, error: str, message: str) -> bool:
    """Fails a running job and drops its ready and leased shards; verdicts so far are kept. False: it had ended."""
    job = lock_job(session, job_id)
    if job is None or JobState(job.state).finished:
        return False
    session.execute(
        update(Shard)
        .where(Shard.job_id == job_id, Shard.state.in_([ShardState.READY, ShardState.LEASED]))
        .values(state=ShardState.CANCELED, lease_until=None, worker=None)
        .execution_options(synchronize_session=False)
    )
    job.canceled += job.pending
    job.pending = 0
    fail(session, job, error, message)
    return True
