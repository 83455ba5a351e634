"""Whether rows fit together: each rule is one statement, which sees one moment also while others write."""

from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, or_, select
from sqlalchemy.orm import Session

from db.query.outlived import OPEN_STATES
from db.schema import Item, Job, JobSource, Shard, Source, Tally
from db.states import JobState, ShardState

LIVE = (ShardState.READY, ShardState.LEASED)
# So many are named of one kind of misfit; the others are counted.
NAMED = 5


def misfits(session: Session) -> Iterator[str]:
    """A sentence for each rule that rows break, with how many do and the first of them."""
    for sentence, rule in RULES:
        broken = rule().subquery()
        first = select(broken.c[0], func.count().over()).order_by(broken.c[0]).limit(NAMED)
        found = [(str(name), int(count)) for name, count in session.execute(first)]
        if found:
            more = found[0][1] - len(found)
            names = ", ".join(name for name, _ in found)
            yield f"{sentence}: {names}" + (f" and {more:,} more" if more else "")


def _counts() -> Select[Any]:
    decided = (
        select(Item.job_id, *(_of(decision) for decision in ("accepted", "rejected", "failed")))
        .group_by(Item.job_id)
        .subquery()
    )
    differ = or_(
        Job.accepted != func.coalesce(decided.c.accepted, 0),
        Job.rejected != func.coalesce(decided.c.rejected, 0),
        Job.failed != func.coalesce(decided.c.failed, 0),
    )
    # What is expired keeps its counts while its rows go.
    return select(Job.id).outerjoin(decided, decided.c.job_id == Job.id).where(Job.expired_at.is_(None), differ)


def _of(decision: str) -> ColumnElement[int]:
    return func.sum(case((Item.decision == decision, 1), else_=0)).label(decision)


def _totals() -> Select[Any]:
    parts = Job.pending + Job.accepted + Job.rejected + Job.failed + Job.canceled
    return select(Job.id).where(func.coalesce(Job.total, 0) != parts)


def _pending() -> Select[Any]:
    waiting = (
        select(Shard.job_id, func.sum(Shard.size).label("photos"))
        .where(Shard.state.in_(LIVE))
        .group_by(Shard.job_id)
        .subquery()
    )
    differ = Job.pending != func.coalesce(waiting.c.photos, 0)
    return select(Job.id).outerjoin(waiting, waiting.c.job_id == Job.id).where(differ)


def _states() -> Select[Any]:
    working = Job.state.in_((JobState.RUNNING, JobState.CANCELING))
    ended = Job.state.not_in(OPEN_STATES)
    told = Job.state.in_((JobState.COMPLETED, JobState.CANCELED))
    unpacking = Job.state == JobState.UNPACKING
    return select(Job.id).where(
        or_(
            working != (Job.pending > 0),
            ended != Job.finished_at.is_not(None),
            told != Job.outcome.is_not(None),
            (Job.state == JobState.FAILED) != Job.error.is_not(None),
            unpacking != and_(Job.lease_until.is_not(None), Job.worker.is_not(None)),
        )
    )


def _leases() -> Select[Any]:
    leased = Shard.state == ShardState.LEASED
    return select(Shard.id).where(or_(leased != Shard.lease_until.is_not(None), leased != Shard.worker.is_not(None)))


def _places() -> Select[Any]:
    beyond = or_(Item.position < 0, Item.position >= func.coalesce(Job.total, 0))
    return select(Job.id).where(exists().where(Item.job_id == Job.id, beyond))


def _sourceless() -> Select[Any]:
    return select(Job.id).where(~exists().where(JobSource.job_id == Job.id))


def _unused() -> Select[Any]:
    return select(Source.id).where(~exists().where(JobSource.source_id == Source.id))


def _needed() -> Select[Any]:
    waits = exists().where(Shard.source_id == Source.id, Shard.state.in_(LIVE))
    return select(Source.id).where(Source.deleted_at.is_not(None), waits)


def _tallies() -> Select[Any]:
    # They go on counting what was deleted, so that they may be more.
    rows = select(Item.owner, Item.decision, func.count().label("n")).group_by(Item.owner, Item.decision).subquery()
    told = (
        select(Tally.owner, Tally.decision, func.sum(Tally.count).label("n"))
        .group_by(Tally.owner, Tally.decision)
        .subquery()
    )
    same = and_(told.c.owner == rows.c.owner, told.c.decision == rows.c.decision)
    return select(rows.c.owner).outerjoin(told, same).where(func.coalesce(told.c.n, 0) < rows.c.n).distinct()


RULES: tuple[tuple[str, Callable[[], Select[Any]]], ...] = (
    ("jobs whose counts are not their photos' rows", _counts),
    ("jobs whose total is not the sum of its parts", _totals),
    ("jobs whose waiting photos are not those of their shards", _pending),
    ("jobs whose state does not fit what else is said of them", _states),
    ("jobs with photos at places that they do not have", _places),
    ("jobs without an upload", _sourceless),
    ("shards that are leased to nobody, or not leased and somebody's", _leases),
    ("uploads that no job has", _unused),
    ("uploads that were deleted although photos in them wait", _needed),
    ("owners whose statistics count fewer photos than there are", _tallies),
)
