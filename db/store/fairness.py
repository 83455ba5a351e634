"""Start-time fair queueing (Goyal, Vin and Cheng, 1996) over jobs, each weighed by how many its owner has running.

A shard's tag is the virtual time when it is made plus the photos of its job before it, times the owner's running jobs.
The virtual time is the lowest tag in service, else the lowest that waits: a small job that comes while a huge one runs
starts beside the huge one's current shard, not behind its last. A shard that no worker can take does not hold it back.
"""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.schema import Job, Shard
from db.states import JobState, ShardState


def tag_and_weight(session: Session, lane: int, owner: str) -> tuple[float, int]:
    """The lane's virtual time, and how many of the owner's jobs are being worked on, at least 1.

    The virtual time is the lowest tag among the leased shards, else among the ready ones; 0 when there are none.
    """
    leased, ready = (
        select(func.min(Shard.fair))
        .where(Shard.state == state, Shard.suspect.is_(False), Shard.lane == lane)
        .scalar_subquery()
        for state in (ShardState.LEASED, ShardState.READY)
    )
    running = (
        select(func.count())
        .where(Job.owner == owner, Job.state.in_([JobState.RUNNING, JobState.UNPACKING]))
        .scalar_subquery()
    )
    tag, weight = session.execute(select(func.coalesce(leased, ready, 0.0), running)).one()
    return tag, max(1, weight)
