"""What the faults read of the rows: who holds what, whether it was taken up again, whether anything moves."""

from dataclasses import dataclass

from sqlalchemy import and_, func, or_, select

from db.database import Database
from db.schema import Item, Job, JobSource, Shard, Source, Worker
from db.states import JobState, ShardState


@dataclass(frozen=True, slots=True)
class Held:
    """The leases of one process: (shard, attempt) and (job being unpacked, attempt)."""

    shards: tuple[tuple[int, int], ...]
    jobs: tuple[tuple[str, int], ...]

    @property
    def any(self) -> bool:
        """Whether it holds anything."""
        return bool(self.shards or self.jobs)


def held_by(database: Database, pid: int) -> Held:
    """What the process holds."""
    name = f"%-{pid}-%"
    with database.read() as session:
        shards = session.execute(select(Shard.id, Shard.attempt).where(Shard.worker.like(name))).all()
        jobs = session.execute(select(Job.id, Job.attempt).where(Job.worker.like(name))).all()
    return Held(tuple((row.id, row.attempt) for row in shards), tuple((row.id, row.attempt) for row in jobs))


def taken_up(database: Database, held: Held) -> bool:
    """Whether all of that is in other hands by now, or done with."""
    live = Shard.state.in_([ShardState.READY, ShardState.LEASED])
    unopened = Job.state.in_([JobState.QUEUED, JobState.UNPACKING])
    with database.read() as session:
        for shard, attempt in held.shards:
            same = select(Shard.id).where(Shard.id == shard, Shard.attempt == attempt, live)
            if session.scalar(same) is not None:
                return False
        for job, attempt in held.jobs:
            same_job = select(Job.id).where(Job.id == job, Job.attempt == attempt, unopened)
            if session.scalar(same_job) is not None:
                return False
    return True


def works(database: Database, pid: int) -> bool:
    """Whether a worker process has written its heartbeat."""
    with database.read() as session:
        return session.scalar(select(Worker.name).where(Worker.name.like(f"%-{pid}-%")).limit(1)) is not None


def verdicts(database: Database) -> int:
    """How many photos have a row."""
    with database.read() as session:
        return session.scalar(select(func.count()).select_from(Item)) or 0


def nothing_waits(database: Database) -> bool:
    """Whether every job has ended."""
    with database.read() as session:
        unfinished = Job.state.not_in([state for state in JobState if state.finished])
        return session.scalar(select(Job.id).where(unfinished).limit(1)) is None


def unread_blob(database: Database, pick: float) -> tuple[str, str] | None:
    """A job with work before it and the key of one of its uploads; None when there is none.

    Jobs that nobody has opened come first: what a worker has open already it reads to the end.
    """
    waits = or_(
        Job.state == JobState.QUEUED,
        and_(
            Job.state == JobState.RUNNING,
            select(Shard.id).where(Shard.job_id == Job.id, Shard.state == ShardState.READY).exists(),
        ),
    )
    with database.read() as session:
        rows = session.execute(
            select(Job.id, Source.blob, Job.state)
            .join(JobSource, JobSource.job_id == Job.id)
            .join(Source, Source.id == JobSource.source_id)
            .where(waits)
            .order_by(Job.id.desc(), JobSource.ordinal)
        ).all()
    first = [row for row in rows if row.state == JobState.QUEUED] or rows
    return (first[int(pick * len(first))].id, first[int(pick * len(first))].blob) if first else None


def unfinished_job(database: Database, pick: float) -> str | None:
    """A job that has not ended, if any."""
    with database.read() as session:
        unfinished = Job.state.not_in([state for state in JobState if state.finished])
        jobs = list(session.scalars(select(Job.id).where(unfinished).order_by(Job.id)))
    return jobs[int(pick * len(jobs))] if jobs else None
