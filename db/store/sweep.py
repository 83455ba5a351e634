"""What no message points at any more: leases that ran out, cancels nobody finished, workers that are gone."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, delete, func, insert, or_, select
from sqlalchemy.orm import Session

from db.clock import now
from db.schema import Job, Shard, Worker
from db.states import JobState, Lane, ShardState
from db.store.beats import take_turn
from db.store.benchmarks import free_benchmarks
from db.store.counts import close_if_done, database_time, lock_job
from db.store.settle import count, insert_items, item_row
from db.store.unpack import fail
from model.verdict import Reason, Verdict

# A shard whose worker died is tried once more whole, then item by item; an item that kills three workers is given up.
WHOLE_DEATHS = 2
ITEM_DEATHS = 3
UNPACK_DEATHS = 3
# Rows of workers that stopped beating are kept so long for the dashboard.
FORGET_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Waiting:
    """Work that is ready: jobs to unpack, shards by lane, benchmarks."""

    unpack: int
    interactive: int
    bulk: int
    benchmarks: int


def elect(session: Session, sweep_seconds: float) -> bool:
    """Whether the caller is the one to sweep now."""
    return take_turn(session, "sweep", sweep_seconds)


def lapsed_shards(session: Session, lease_seconds: float) -> list[tuple[int, int, str]]:
    """(shard, attempt, job) of leases that ran out, or that lie further ahead than a lease can."""
    found = select(Shard.id, Shard.attempt, Shard.job_id).where(_lapsed(lease_seconds)).limit(1000)
    return [(row.id, row.attempt, row.job_id) for row in session.execute(found)]


def _lapsed(lease_seconds: float) -> ColumnElement[bool]:
    late = or_(Shard.lease_until < now(), Shard.lease_until > now() + 2 * lease_seconds)
    return and_(Shard.state == ShardState.LEASED, late)


def recover_shard(session: Session, shard_id: int, attempt: int, job_id: str, lease_seconds: float) -> str | None:
    """Puts one lapsed shard right, job row first as everywhere; says what was done, None if there was nothing to do.

    It looks at the lease again: the worker may have been slow, not dead, and have renewed it since it was listed.
    """
    job = lock_job(session, job_id)
    shard = session.scalar(
        select(Shard)
        .where(Shard.id == shard_id, Shard.attempt == attempt, _lapsed(lease_seconds))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if job is None or shard is None:
        return None
    shard.lease_until = shard.worker = None
    shard.deaths += 1
    if job.state == JobState.CANCELING:
        job.canceled += shard.size
        job.pending -= shard.size
        shard.state, shard.entries, shard.size = ShardState.CANCELED, [], 0
        close_if_done(session, job)
        return "canceled"
    if shard.suspect and shard.deaths >= ITEM_DEATHS:
        entries = shard.entries
        shard.state, shard.entries, shard.size = ShardState.DONE, [], 0
        lost = Verdict(
            Reason.WORKER_LOST.decision,
            Reason.WORKER_LOST,
            f"The worker ended {ITEM_DEATHS} times while it had this photo.",
        )
        at = database_time(session)
        rows = [item_row(job, shard.source_id, entry, lost, at) for entry in entries]
        count(session, {job.id: job}, insert_items(session, rows), at)
        close_if_done(session, job, at)
        return "given_up"
    if not shard.suspect and shard.deaths >= WHOLE_DEATHS:
        _split(session, shard)
        return "split"
    shard.state = ShardState.READY
    return "ready"


def _split(session: Session, shard: Shard) -> None:
    shared = {
        "job_id": shard.job_id,
        "source_id": shard.source_id,
        "owner": shard.owner,
        "state": ShardState.READY,
        "lane": shard.lane,
        "fair": shard.fair,
        "suspect": True,
        "model": shard.model,
        "version": shard.version,
        "backend": shard.backend,
        "size": 1,
        "attempt": 0,
        "deaths": 0,
    }
    session.execute(insert(Shard), [shared | {"entries": [entry]} for entry in shard.entries])
    shard.state, shard.entries, shard.size = ShardState.DONE, [], 0


def recover_unpacking(session: Session, lease_seconds: float) -> list[tuple[str, str]]:
    """Puts jobs whose unpacking lapsed back in the queue, or fails them after three deaths; (job, new state) pairs."""
    late = or_(Job.lease_until < now(), Job.lease_until > now() + 2 * lease_seconds)
    lapsed = select(Job).where(Job.state == JobState.UNPACKING, late).with_for_update(skip_locked=True).limit(100)
    done = []
    for job in session.scalars(lapsed):
        job.deaths += 1
        if job.deaths >= UNPACK_DEATHS:
            fail(
                session, job, "worker_lost", f"The worker ended {UNPACK_DEATHS} times while it opened this job's files."
            )
        else:
            job.state, job.lease_until, job.worker = JobState.QUEUED, None, None
        done.append((job.id, job.state))
    return done


def unclosed(session: Session) -> list[str]:
    """Jobs with nothing pending that nobody closed."""
    open_states = (JobState.RUNNING, JobState.CANCELING)
    return list(session.scalars(select(Job.id).where(Job.state.in_(open_states), Job.pending == 0).limit(1000)))


def close(session: Session, job_id: str) -> bool:
    """Ends such a job; False when somebody else did."""
    job = lock_job(session, job_id)
    return job is not None and close_if_done(session, job)


def waiting(session: Session) -> Waiting:
    """How much work is ready."""
    jobs = session.scalar(select(func.count()).where(Job.state == JobState.QUEUED)) or 0
    ready = select(Shard.lane, func.count()).where(Shard.state == ShardState.READY).group_by(Shard.lane)
    lanes: dict[int, int] = dict(session.execute(ready).all())
    return Waiting(jobs, lanes.get(Lane.INTERACTIVE, 0), lanes.get(Lane.BULK, 0), free_benchmarks(session))


def forget_workers(session: Session) -> None:
    """Deletes the rows of workers that stopped beating long ago."""
    session.execute(delete(Worker).where(Worker.beat_at < now() - FORGET_SECONDS))
