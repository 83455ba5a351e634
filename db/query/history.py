"""The items of all jobs of an owner, newest job first, then by falling position: pages by keyset, never by offset.

Most filters have an index in that order, or leave so many items that walking along it soon fills a page. The others are
looked up first where that finds few: names by their beginning, days, and the jobs of a model.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice

from sqlalchemy import Select, func, select, tuple_
from sqlalchemy.orm import Session
from sqlalchemy.orm.interfaces import ORMOption

from db.database import Database
from db.query.days import days_of, places_on
from db.query.narrow import ANY, Filter, at_places, begins_with, conditions, start, suiting_jobs
from db.schema import Item, Job

EXPORT_PAGE = 500
# With more names than this a walk along the history meets them often enough. Where nothing but the name is asked, their
# places alone are sorted, for each page anew: 50,000 of them in 20 ms on SQLite, where the walk may take half a second.
FEW_NAMES = 5000
MANY_NAMES = 50_000
PLACES_PAGE = 1000
FEW_JOBS = 50
LOOKED_UP = 100
NEWEST = 4
"""So many pages' items are looked at before any name or day is looked up."""
FEW_ITEMS = 1000
Place = tuple[str, int]


def items_of_owner(
    session: Session,
    owner: str,
    limit: int,
    after: Place | None = None,
    filter_: Filter = ANY,
    options: Sequence[ORMOption] = (),
) -> list[Item]:
    """A page of the owner's history; ``after`` is job and position of the last item of the page before."""
    dated = filter_.since is not None or filter_.until is not None
    if (filter_.name or dated) and not filter_.job:
        found = _among_newest(session, owner, limit, after, filter_, options)
        if found is not None:
            return found
    if filter_.name and _are_few(session, owner, filter_):
        return list(islice(_at(session, owner, limit, after, filter_, options), limit))
    if dated and not filter_.job and not filter_.reviewed:
        if _is_rare(session, owner, filter_):
            return _walk(session, owner, limit, after, filter_, options)
        days = days_of(session, owner, filter_.since, filter_.until)
        if days is not None:
            return _on(session, owner, days, limit, after, filter_, options)
    jobs = _few_jobs(session, owner, after, filter_)
    if jobs is not None:
        return list(islice(_of(session, jobs, limit, after, filter_, options), limit))
    return _walk(session, owner, limit, after, filter_, options)


def every_item_of_owner(database: Database, owner: str, filter_: Filter) -> Iterator[Item]:
    """The whole history in short transactions, so that an export of any size holds nothing up."""
    after = None
    while True:
        with database.read() as session:
            page = items_of_owner(session, owner, EXPORT_PAGE, after, filter_)
        yield from page
        if len(page) < EXPORT_PAGE:
            return
        after = page[-1].job_id, page[-1].position


def _walk(
    session: Session, owner: str, limit: int, after: Place | None, filter_: Filter, options: Sequence[ORMOption]
) -> list[Item]:
    query, row = start(filter_)
    query = query.where(row.owner == owner, conditions(filter_)).order_by(row.job_id.desc(), row.position.desc())
    if after is not None:
        query = query.where(tuple_(row.job_id, row.position) < after)
    return list(session.scalars(query.options(*options).limit(limit)))


def _among_newest(
    session: Session, owner: str, limit: int, after: Place | None, filter_: Filter, options: Sequence[ORMOption]
) -> list[Item] | None:
    """A whole page, if the next few items make one.

    Of a name that many have nothing needs to be counted then (16 ms), and an export of some days asks for them once.
    """
    next_ = select(Item.job_id, Item.position, Item.name, Item.decided_at).where(Item.owner == owner)
    if after is not None:
        next_ = next_.where(tuple_(Item.job_id, Item.position) < after)
    newest = next_.order_by(Item.job_id.desc(), Item.position.desc()).limit(NEWEST * limit).subquery()
    suiting = select(newest.c.job_id, newest.c.position)
    if filter_.name:
        suiting = suiting.where(begins_with(filter_.name, newest.c.name))
    if filter_.since is not None:
        suiting = suiting.where(newest.c.decided_at >= filter_.since)
    if filter_.until is not None:
        suiting = suiting.where(newest.c.decided_at < filter_.until)
    places = [(row.job_id, row.position) for row in session.execute(suiting)]
    if len(places) < limit:
        return None
    query = _nameless(filter_, options).limit(limit)
    found = list(session.scalars(at_places(query, Item, places)))
    return found if len(found) == limit else None


def _nameless(filter_: Filter, options: Sequence[ORMOption]) -> Select[Item]:
    """The history without the name, for places that stand for it: PostgreSQL would look names up instead of places.

    That took 88 ms instead of 1.
    """
    query, _ = start(filter_)
    query = query.where(conditions(replace(filter_, name=None))).options(*options)
    return query.order_by(Item.job_id.desc(), Item.position.desc())


def _named(owner: str, filter_: Filter) -> Select[str, int]:
    """Where the items are whose names begin so."""
    return select(Item.job_id, Item.position).where(Item.owner == owner, begins_with(filter_.name or ""))


def _are_few(session: Session, owner: str, filter_: Filter) -> bool:
    """Whether it is better to look at each of them than to walk along the history."""
    most = MANY_NAMES if filter_ == Filter(name=filter_.name) else FEW_NAMES
    found = session.scalar(select(func.count()).select_from(_named(owner, filter_).limit(most + 1).subquery()))
    return found is not None and found <= most


def _is_rare(session: Session, owner: str, filter_: Filter) -> bool:
    """Whether a decision, reason or label is so rare that all that have it are fewer than those of most days."""
    if filter_.decision is None and filter_.reason is None and filter_.label is None:
        return False
    such = conditions(Filter(decision=filter_.decision, reason=filter_.reason, label=filter_.label))
    some = select(Item.job_id).where(Item.owner == owner, such).limit(FEW_ITEMS + 1).subquery()
    found = session.scalar(select(func.count()).select_from(some))
    return found is not None and found <= FEW_ITEMS


def _at(
    session: Session, owner: str, limit: int, after: Place | None, filter_: Filter, options: Sequence[ORMOption]
) -> Iterator[Item]:
    query = _nameless(filter_, options)
    # Looked up before they are sorted: with LIMIT a database would walk along the history after all.
    named = _named(owner, filter_).cte("named").prefix_with("MATERIALIZED")
    sorted_ = select(named).order_by(named.c.job_id.desc(), named.c.position.desc()).limit(PLACES_PAGE)
    while True:
        later = sorted_ if after is None else sorted_.where(tuple_(named.c.job_id, named.c.position) < after)
        places = [(row.job_id, row.position) for row in session.execute(later)]
        step = min(EXPORT_PAGE, max(limit, LOOKED_UP))
        for begin in range(0, len(places), step):
            yield from session.scalars(at_places(query, Item, places[begin : begin + step]))
        if len(places) < PLACES_PAGE:
            return
        after = places[-1]


def _on(
    session: Session,
    owner: str,
    days: list[int],
    limit: int,
    after: Place | None,
    filter_: Filter,
    options: Sequence[ORMOption],
) -> list[Item]:
    places = session.execute(places_on(owner, days, limit, after, filter_)).all() if days else []
    query = select(Item).order_by(Item.job_id.desc(), Item.position.desc()).options(*options)
    found: list[Item] = []
    for begin in range(0, len(places), EXPORT_PAGE):
        some = [(row.job_id, row.position) for row in places[begin : begin + EXPORT_PAGE]]
        found += session.scalars(at_places(query, Item, some))
    return found


def _few_jobs(session: Session, owner: str, after: Place | None, filter_: Filter) -> list[str] | None:
    """The jobs that can hold such items, newest first; None when they are many, or any job will do."""
    if all(wanted is None for wanted in (filter_.job, filter_.model, filter_.since, filter_.until)):
        return None
    query = (
        select(Job.id)
        .where(Job.owner == owner, Job.expired_at.is_(None), suiting_jobs(filter_))
        .order_by(Job.id.desc())
    )
    if after is not None:
        query = query.where(Job.id <= after[0])
    found = list(session.scalars(query.limit(FEW_JOBS + 1)))
    return None if len(found) > FEW_JOBS else found


def _of(
    session: Session, jobs: list[str], limit: int, after: Place | None, filter_: Filter, options: Sequence[ORMOption]
) -> Iterator[Item]:
    begun, row = start(filter_)
    begun = begun.where(conditions(filter_)).order_by(row.position.desc()).limit(limit).options(*options)
    for job in jobs:
        query: Select[Item] = begun.where(row.job_id == job)
        if after is not None and job == after[0]:
            query = query.where(row.position < after[1])
        yield from session.scalars(query)
