"""What waits and what is being worked on."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlalchemy import bindparam, case, func, select
from sqlalchemy.orm import Session

from db.clock import now
from db.dialects import table
from db.query.outlived import OPEN_STATES
from db.schema import Job, Shard
from db.states import JobState, Lane, ShardState

# Asked before each job is taken, in the transaction that makes it: made once.
_JOBS = table(Job).c
_WAITS = _JOBS.pending + case((_JOBS.state.in_([JobState.QUEUED, JobState.UNPACKING]), 1), else_=0)
_OWN = case((_JOBS.owner == bindparam("whose"), _WAITS), else_=0)
_WAITING = select(func.coalesce(func.sum(_OWN), 0), func.coalesce(func.sum(_WAITS), 0)).where(
    _JOBS.state.in_(OPEN_STATES)
)


@dataclass(slots=True)
class Queue:
    """Shards that wait and that workers have, photos and uploads that wait.

    ``oldest_seconds``: how long ago the oldest of the jobs that wait for something was submitted; None: none waits.
    """

    ready: int = 0
    leased: int = 0
    items_ready: int = 0
    uploads_waiting: int = 0
    oldest_seconds: float | None = None


@dataclass(slots=True)
class Holding:
    """What a worker has in hand: shards, or uploads that it opens; ``jobs`` are ids with the owners of the jobs."""

    count: int = 0
    jobs: list[tuple[str, str]] = field(default_factory=list)


def queues(session: Session, owner: str) -> dict[Lane, Queue]:
    """The owner's work by lane."""
    found = {lane: Queue() for lane in Lane}
    age = (now() - func.min(Job.submitted_at)).label("age")
    shards = (
        select(Shard.lane, Shard.state, func.count(), func.sum(Shard.size), age)
        .join(Job, Job.id == Shard.job_id)
        # By the owner's open jobs: to look for the shards' owner would be to read what waits for everybody.
        .where(Job.owner == owner, Job.state.in_(OPEN_STATES), Shard.state.in_([ShardState.READY, ShardState.LEASED]))
        .group_by(Shard.lane, Shard.state)
    )
    for lane, state, count, size, seconds in session.execute(shards):
        queue = found[Lane(lane)]
        if state == ShardState.LEASED:
            queue.leased = count
        else:
            queue.ready, queue.items_ready, queue.oldest_seconds = count, int(size), seconds
    uploads = (
        select(Job.lane, func.count(), age).where(Job.owner == owner, Job.state == JobState.QUEUED).group_by(Job.lane)
    )
    for lane, count, seconds in session.execute(uploads):
        queue = found[Lane(lane)]
        queue.uploads_waiting = count
        queue.oldest_seconds = oldest((queue.oldest_seconds, seconds))
    return found


def waiting_photos(session: Session, owner: str) -> tuple[int, int]:
    """Photos without a verdict, the owner's and all; a job whose files are not opened yet counts as one."""
    own, all_ = session.execute(_WAITING, {"whose": owner}).one()
    return int(own), int(all_)


def oldest(ages: Iterable[float | None]) -> float | None:
    """The largest of those that are there, never below 0: the clock may have been set back."""
    return max((max(age, 0.0) for age in ages if age is not None), default=None)


def holdings(session: Session) -> dict[str, Holding]:
    """What each worker has in hand, by its name."""
    found: dict[str, Holding] = defaultdict(Holding)
    shards = (
        select(Shard.worker, Shard.job_id, Shard.owner, func.count())
        .where(Shard.state == ShardState.LEASED)
        .group_by(Shard.worker, Shard.job_id, Shard.owner)
        .order_by(Shard.job_id)
    )
    opening = select(Job.worker, Job.id, Job.owner, 1).where(Job.state == JobState.UNPACKING).order_by(Job.id)
    for query in (shards, opening):
        for worker, job, owner, count in session.execute(query):
            found[worker].count += count
            found[worker].jobs.append((job, owner))
    return dict(found)
