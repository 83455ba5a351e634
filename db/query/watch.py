"""What somebody who watches over the service wants to know of the work of all owners."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.clock import now
from db.query.outlived import OPEN_STATES
from db.schema import Job, Shard, Webhook
from db.states import JobState, Lane, ShardState, WebhookState

# Those that are done stay for as long as their job does: to count them would take longer from day to day.
OPEN_SHARDS = (ShardState.READY, ShardState.LEASED)


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be done: jobs by state, shards by (lane, state), messages about jobs that wait to be sent.

    ``oldest_seconds`` says by lane how long ago the oldest job that has not ended was submitted; 0: there is none.
    Every state and lane is there.
    """

    jobs: Mapping[JobState, int]
    shards: Mapping[tuple[Lane, ShardState], int]
    oldest_seconds: Mapping[Lane, float]
    webhooks: int


def work(session: Session) -> Work:
    """Reads what is open, by indexes that begin with the state: what has ended, however much it is, costs nothing."""
    jobs = dict.fromkeys(OPEN_STATES, 0)
    oldest = dict.fromkeys(Lane, 0.0)
    open_jobs = (
        select(Job.state, Job.lane, func.count(), now() - func.min(Job.submitted_at))
        .where(Job.state.in_(OPEN_STATES))
        .group_by(Job.state, Job.lane)
    )
    for state, lane, count, seconds in session.execute(open_jobs):
        jobs[JobState(state)] += count
        # Not below 0: the clock may have been set back.
        oldest[Lane(lane)] = max(oldest[Lane(lane)], seconds)
    shards = {(lane, state): 0 for lane in Lane for state in OPEN_SHARDS}
    open_shards = (
        select(Shard.lane, Shard.state, func.count())
        .where(Shard.state.in_(OPEN_SHARDS))
        .group_by(Shard.lane, Shard.state)
    )
    for lane, state, count in session.execute(open_shards):
        shards[Lane(lane), ShardState(state)] = count
    unsent = select(func.count()).where(Webhook.state == WebhookState.PENDING)
    return Work(jobs, shards, oldest, session.scalar(unsent) or 0)
