"""The items of all jobs of an owner, newest job first, then by falling position: pages by keyset, never by offset.

Most filters have an index in that order, or leave so many items that walking along it soon fills a page. The others are
looked up first where that finds few: names by their beginning, days, and the jobs of a model.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, Select, SQLColumnExpression, func, select, tuple_
from sqlalchemy.orm import Session
from sqlalchemy.orm.interfaces import ORMOption

from db.database import Database
from db.query.at_places import at_places, these
from db.query.days import days_of, places_on
from db.query.narrow import ANY, Filter, begins_with, conditions, start, suiting_jobs
from db.schema import Item, Job

EXPORT_PAGE = 500
# With more names than this a walk along the history meets them often enough. Where nothing but the name is asked, their
# places alone are sorted, for each page anew: 50,000 of them in 20 ms on SQLite, where the walk may take half a second.
FEW_NAMES = 5000
MANY_NAMES = 50_000
PLACES_PAGE = 1000
FEW_JOBS = 50
# So many pages' items are read before any name or day is looked up: 2 ms that are in vain where they hold no page.
NEWEST = 4
# A decision, reason or label of so many photos is looked up rather than the days on which they were judged.
FEW_ITEMS = 1000
# At least so many named items are fetched at once, for a page that is shorter and narrowed further.
LEAST_FETCHED = 100
Place = tuple[str, int]

# What is narrowed by being the same.
_PLAIN = ("decision", "reason", "label", "model")
_ORDERED = at_places(select(Item).order_by(Item.job_id.desc(), Item.position.desc()), Item)


@dataclass(frozen=True, slots=True)
class _Page:
    """The page that is asked for: at most ``limit`` items behind the place ``after``."""

    session: Session
    owner: str
    limit: int
    after: Place | None
    filter_: Filter
    options: Sequence[ORMOption]

    def behind(
        self, job_id: SQLColumnExpression[str], position: SQLColumnExpression[int]
    ) -> Sequence[ColumnElement[bool]]:
        """The condition that a place comes after the page before; none for the first page."""
        return [] if self.after is None else [tuple_(job_id, position) < self.after]


def items_of_owner(
    session: Session,
    owner: str,
    limit: int,
    after: Place | None = None,
    filter_: Filter = ANY,
    options: Sequence[ORMOption] = (),
) -> list[Item]:
    """A page of the owner's history; ``after`` is job and position of the last item of the page before."""
    page = _Page(session, owner, limit, after, filter_, options)
    dated = filter_.since is not None or filter_.until is not None
    if (filter_.name or dated) and not filter_.job:
        found = _among_newest(page)
        if found is not None:
            return found
    if filter_.name and _are_few(page):
        return list(islice(_by_name(page), limit))
    if dated and not filter_.job and not filter_.reviewed:
        if _is_rare(page):
            return _walk(page)
        days = days_of(session, owner, filter_.since, filter_.until)
        if days is not None:
            return _by_days(page, days)
    jobs = _few_jobs(page)
    if jobs is not None:
        return list(islice(_by_jobs(page, jobs), limit))
    return _walk(page)


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


def _walk(page: _Page) -> list[Item]:
    """Along the history, or along the index of a decision, reason or label in the same order."""
    query, row = start(page.filter_)
    query = query.where(row.owner == page.owner, conditions(page.filter_), *page.behind(row.job_id, row.position))
    query = query.order_by(row.job_id.desc(), row.position.desc()).options(*page.options)
    return list(page.session.scalars(query.limit(page.limit)))


def _among_newest(page: _Page) -> list[Item] | None:
    """The page, if the next few items make a whole one.

    Of a name that many have nothing needs to be counted then (16 ms), and an export of some days asks for them once.
    """
    filter_ = page.filter_
    newest = (
        select(Item.job_id, Item.position, Item.name, Item.decided_at, *(getattr(Item, name) for name in _PLAIN))
        .where(Item.owner == page.owner, *page.behind(Item.job_id, Item.position))
        .order_by(Item.job_id.desc(), Item.position.desc())
        .limit(NEWEST * page.limit)
        .subquery()
    )
    alike = [newest.c[name] == getattr(filter_, name) for name in _PLAIN if getattr(filter_, name) is not None]
    suiting = select(newest.c.job_id, newest.c.position).where(*alike)
    if filter_.name:
        suiting = suiting.where(begins_with(filter_.name, newest.c.name))
    if filter_.since is not None:
        suiting = suiting.where(newest.c.decided_at >= filter_.since)
    if filter_.until is not None:
        suiting = suiting.where(newest.c.decided_at < filter_.until)
    places = [(row.job_id, row.position) for row in page.session.execute(suiting)]
    if len(places) < page.limit:
        return None
    found = list(page.session.scalars(at_places(_nameless(page).limit(page.limit), Item), these(places)))
    return found if len(found) == page.limit else None


def _nameless(page: _Page) -> Select[Item]:
    """The history without the name, for places that stand for it: PostgreSQL would look names up instead of places.

    That took 88 ms instead of 1.
    """
    query, _ = start(page.filter_)
    query = query.where(conditions(replace(page.filter_, name=None))).options(*page.options)
    return query.order_by(Item.job_id.desc(), Item.position.desc())


def _named(page: _Page) -> Select[str, int]:
    """Where the items are whose names begin so."""
    return select(Item.job_id, Item.position).where(Item.owner == page.owner, begins_with(page.filter_.name or ""))


def _are_few(page: _Page) -> bool:
    """Whether it is better to look at each item with such a name than to walk along the history."""
    most = MANY_NAMES if _only_named(page) else FEW_NAMES
    return _at_most(page.session, _named(page), most)


def _only_named(page: _Page) -> bool:
    return page.filter_ == Filter(name=page.filter_.name)


def _is_rare(page: _Page) -> bool:
    """Whether a decision, reason or label is so rare that all that have it are fewer than those of most days."""
    such = Filter(decision=page.filter_.decision, reason=page.filter_.reason, label=page.filter_.label)
    if such == ANY:
        return False
    return _at_most(page.session, select(Item.job_id).where(Item.owner == page.owner, conditions(such)), FEW_ITEMS)


def _at_most(session: Session, query: Select[*tuple[Any, ...]], most: int) -> bool:
    """Whether the query finds no more; no more than one beyond are counted."""
    found = session.scalar(select(func.count()).select_from(query.limit(most + 1).subquery()))
    return found is not None and found <= most


def _by_name(page: _Page) -> Iterator[Item]:
    fetched, after = at_places(_nameless(page), Item), page.after
    # Looked up before they are sorted: with LIMIT a database would walk along the history after all.
    named = _named(page).cte("named").prefix_with("MATERIALIZED")
    step = min(EXPORT_PAGE, max(page.limit, LEAST_FETCHED))
    # Where nothing else is asked, nearly every place is an item of the page.
    at_once = step if _only_named(page) else PLACES_PAGE
    sorted_ = select(named).order_by(named.c.job_id.desc(), named.c.position.desc()).limit(at_once)
    while True:
        later = sorted_ if after is None else sorted_.where(tuple_(named.c.job_id, named.c.position) < after)
        places = [(row.job_id, row.position) for row in page.session.execute(later)]
        for begin in range(0, len(places), step):
            yield from page.session.scalars(fetched, these(places[begin : begin + step]))
        if len(places) < at_once:
            return
        after = places[-1]


def _by_days(page: _Page, days: list[int]) -> list[Item]:
    if not days:
        return []
    found = page.session.execute(places_on(page.owner, days, page.limit, page.after, page.filter_))
    places = [(row.job_id, row.position) for row in found]
    query = _ORDERED.options(*page.options) if page.options else _ORDERED
    return list(page.session.scalars(query, these(places))) if places else []


def _few_jobs(page: _Page) -> list[str] | None:
    """The jobs that can hold such items, newest first; None when they are many, or any job will do."""
    filter_ = page.filter_
    if all(wanted is None for wanted in (filter_.job, filter_.model, filter_.since, filter_.until)):
        return None
    query = (
        select(Job.id)
        .where(Job.owner == page.owner, Job.expired_at.is_(None), suiting_jobs(filter_))
        .order_by(Job.id.desc())
    )
    if page.after is not None:
        query = query.where(Job.id <= page.after[0])
    found = list(page.session.scalars(query.limit(FEW_JOBS + 1)))
    return None if len(found) > FEW_JOBS else found


def _by_jobs(page: _Page, jobs: list[str]) -> Iterator[Item]:
    begun, row = start(page.filter_)
    begun = begun.where(conditions(page.filter_)).order_by(row.position.desc())
    begun = begun.limit(page.limit).options(*page.options)
    for job in jobs:
        query: Select[Item] = begun.where(row.job_id == job)
        if page.after is not None and job == page.after[0]:
            query = query.where(row.position < page.after[1])
        yield from page.session.scalars(query)
