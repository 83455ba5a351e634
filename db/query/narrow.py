"""What a listing of items is narrowed to."""

from dataclasses import dataclass

from sqlalchemy import (
    ColumnElement,
    Select,
    SQLColumnExpression,
    and_,
    exists,
    or_,
    select,
    true,
)

from db.query.unindexed import unindexed
from db.schema import Item, Job, Review

_LAST = chr(0x10FFFF)


@dataclass(frozen=True, slots=True)
class Filter:
    """None means anything. ``reviewed``: items that have a review, or that have none.

    ``name`` is how the name begins, case and all. ``since`` and ``until`` bound the time of the verdict: seconds since
    1970 UTC, the latter exclusive.
    """

    decision: str | None = None
    reason: str | None = None
    label: str | None = None
    model: str | None = None
    reviewed: bool | None = None
    name: str | None = None
    since: float | None = None
    until: float | None = None
    job: str | None = None


ANY = Filter()


def kept(row: type[Item] | type[Review] = Item) -> ColumnElement[bool]:
    """Whether the results' time is not over: those of an expired job are there until retention has deleted them all.

    A look-up for each row, because a join could make a database begin with the jobs. It asks for what is there, because
    of what is not PostgreSQL expects one row in 200, and sorts all of a day for its first page.
    """
    return select(Job.id).where(Job.id == row.job_id, Job.expired_at.is_(None)).scalar_subquery().is_not(None)


_SAME = and_(Review.job_id == Item.job_id, Review.position == Item.position)
# Made once: each page begins with one of them, and to make it took a tenth of the page's time.
_REVIEWED = select(Item).select_from(Review).join(Item, _SAME).where(kept(Review))
_ALL = select(Item).where(kept())
_UNREVIEWED = _ALL.where(~exists().where(_SAME))


def conditions(filter_: Filter, looked_up: bool = False) -> ColumnElement[bool]:
    """What an item must fulfil; ``reviewed`` is left to `start`. ``looked_up``: by something else, and in its order."""
    # A label or a reason is rarer than its decision: SQLite, which cannot know, must not choose the decision's index
    # (1 million items, a label that three have: 330 ms instead of 1).
    rarer = looked_up or filter_.label is not None or filter_.reason is not None
    wanted: list[ColumnElement[bool]] = [
        column == value
        for column, value in (
            (unindexed(Item.decision) if rarer else Item.decision, filter_.decision),
            (unindexed(Item.reason) if looked_up else Item.reason, filter_.reason),
            (unindexed(Item.label) if looked_up else Item.label, filter_.label),
            (Item.model, filter_.model),
            (Item.job_id, filter_.job),
        )
        if value is not None
    ]
    if filter_.since is not None:
        wanted.append(Item.decided_at >= filter_.since)
    if filter_.until is not None:
        wanted.append(Item.decided_at < filter_.until)
    if filter_.name:
        # `history` has looked at the names' index by now: where it did not serve, SQLite must not choose it again.
        wanted.append(begins_with(filter_.name, unindexed(Item.name)))
    return and_(true(), *wanted)


def begins_with(prefix: str, name: SQLColumnExpression[str] = Item.name) -> ColumnElement[bool]:
    """A range of names instead of LIKE, which ignores case on SQLite and no plan for many prefixes can use an index."""
    end = prefix.rstrip(_LAST)
    from_here = name >= prefix
    if not end:
        return from_here
    following = ord(end[-1]) + 1
    # Surrogates are no characters: no name holds one, and no database takes one.
    return and_(from_here, name < end[:-1] + chr(0xE000 if following == 0xD800 else following))


def start(filter_: Filter) -> tuple[Select[Item], type[Item] | type[Review]]:
    """The listing's start, and the table that leads it: reviews are few beside items, so they go first where asked."""
    if filter_.reviewed:
        return _REVIEWED, Review
    return _ALL if filter_.reviewed is None else _UNREVIEWED, Item


def suiting_jobs(filter_: Filter) -> ColumnElement[bool]:
    """What a job must fulfil to hold such items: they have the model of their job, and are judged before its end."""
    wanted: list[ColumnElement[bool]] = []
    if filter_.job is not None:
        wanted.append(Job.id == filter_.job)
    if filter_.model is not None:
        wanted.append(Job.model == filter_.model)
    if filter_.since is not None:
        wanted.append(or_(Job.finished_at.is_(None), Job.finished_at >= filter_.since))
    if filter_.until is not None:
        wanted.append(Job.submitted_at < filter_.until)
    return and_(true(), *wanted)
