"""Start-time fair queueing (Goyal, Vin and Cheng, 1996) over jobs, each weighed by how many its owner has running.

A shard's tag is the virtual time when it is made plus the photos of its job before it, times the owner's running jobs.
The virtual time is the lowest tag in service, else the lowest that waits: a small job that comes while a huge one runs
starts beside the huge one's current shard, not behind its last. A shard that no worker can take does not hold it back.
"""

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from db.dialects import table
from db.schema import Job, Shard
from db.states import JobState, ShardState

_JOBS, _SHARDS = table(Job).c, table(Shard).c
_LEASED, _READY = (
    select(func.min(_SHARDS.fair))
    .where(_SHARDS.state == state, _SHARDS.suspect.is_(False), _SHARDS.lane == bindparam("lane"))
    .scalar_subquery()
    for state in (ShardState.LEASED, ShardState.READY)
)
_RUNNING = (
    select(func.count())
    .where(_JOBS.owner == bindparam("whose"), _JOBS.state.in_([JobState.RUNNING, JobState.UNPACKING]))
    .scalar_subquery()
)
_TAG = select(func.coalesce(_LEASED, _READY, 0.0), _RUNNING)


def tag_and_weight(session: Session, lane: int, owner: str) -> tuple[float, int]:
    """The lane's virtual time, and how many of the owner's jobs are being worked on, at least 1.

    The virtual time is the lowest tag among the leased shards, else among the ready ones; 0 when there are none.
    """
    tag, weight = session.execute(_TAG, {"lane": lane, "whose": owner}).one()
    return tag, max(1, weight)
