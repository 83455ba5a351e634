"""Start-time fair queueing (Goyal, Vin and Cheng, 1996) over jobs, each weighed by how many its owner has running.

A shard's tag is the virtual time when it is made plus the photos of its job before it, times the owner's running jobs.
The virtual time is the lowest tag among unfinished shards: a small job that comes while a huge one runs starts beside
the huge one's current shard, not behind its last.
"""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.schema import Job, Shard
from db.states import JobState, ShardState


def virtual_time(session: Session, lane: int) -> float:
    """The lowest tag among the lane's unfinished shards; 0 when there are none."""
    lowest = [
        session.scalar(
            select(func.min(Shard.fair)).where(Shard.state == state, Shard.suspect.is_(False), Shard.lane == lane)
        )
        for state in (ShardState.READY, ShardState.LEASED)
    ]
    return min((tag for tag in lowest if tag is not None), default=0.0)


def running_jobs(session: Session, owner: str) -> int:
    """How many of the owner's jobs are being worked on, at least 1."""
    running = select(func.count()).where(Job.owner == owner, Job.state.in_([JobState.RUNNING, JobState.UNPACKING]))
    return max(1, session.scalar(running) or 0)
