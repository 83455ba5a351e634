"""Start-time fair queueing (Goyal, Vin and Cheng, 1996) over jobs, each weighed by how many its owner has running.

A shard's tag is the virtual time when it is made plus the photos of its job before it, times the owner's running jobs.
The virtual time is the lowest tag in service, else the lowest that waits: a small job that comes while a huge one runs
starts beside the huge one's current shard, not behind its last. A shard that no worker can take does not hold it back.
"""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.schema import Job, Shard
from db.states import JobState, ShardState


def virtual_time(session: Session, lane: int) -> float:
    """The lowest tag among the lane's leased shards, else among its ready ones; 0 when there are none."""
    for state in (ShardState.LEASED, ShardState.READY):
        lowest = select(func.min(Shard.fair)).where(Shard.state == state, Shard.suspect.is_(False), Shard.lane == lane)
        tag = session.scalar(lowest)
        if tag is not None:
            return tag
    return 0.0


def running_jobs(session: Session, owner: str) -> int:
    """How many of the owner's jobs are being worked on, at least 1."""
    running = select(func.count()).where(Job.owner == owner, Job.state.in_([JobState.RUNNING, JobState.UNPACKING]))
    return max(1, session.scalar(running) or 0)
