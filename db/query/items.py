"""Items: pages by keyset, never by offset."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import Select, and_, exists, select, tuple_
from sqlalchemy.orm import Session

from db.database import Database
from db.schema import Item, Review, Source

EXPORT_PAGE = 500


@dataclass(frozen=True, slots=True)
class Filter:
    """What a listing is narrowed to; None means anything. ``reviewed``: items that have a review, or that have none."""

    decision: str | None = None
    reason: str | None = None
    label: str | None = None
    model: str | None = None
    reviewed: bool | None = None


def _narrowed(query: Select[Item], filter_: Filter) -> Select[Item]:
    for column, wanted in (
        (Item.decision, filter_.decision),
        (Item.reason, filter_.reason),
        (Item.label, filter_.label),
        (Item.model, filter_.model),
    ):
        if wanted is not None:
            query = query.where(column == wanted)
    return query


def _reviewed(filter_: Filter) -> tuple[Select[Item], type[Item] | type[Review]]:
    """The listing's start, and the table that leads it: reviews are few beside items, so they go first where asked."""
    same = and_(Review.job_id == Item.job_id, Review.position == Item.position)
    if filter_.reviewed:
        return select(Item).select_from(Review).join(Item, same), Review
    if filter_.reviewed is None:
        return select(Item), Item
    return select(Item).where(~exists().where(same)), Item


def items_of_job(session: Session, job_id: str, limit: int, after: int = -1, filter_: Filter = Filter()) -> list[Item]:
    """A page of a job's items by position; ``after`` is the last position of the page before."""
    query, row = _reviewed(filter_)
    query = query.where(row.job_id == job_id, row.position > after).order_by(row.position).limit(limit)
    return list(session.scalars(_narrowed(query, filter_)))


def items_of_owner(
    session: Session, owner: str, limit: int, after: tuple[str, int] | None = None, filter_: Filter = Filter()
) -> list[Item]:
    """A page of the owner's history, newest job first, then by falling position."""
    query, row = _reviewed(filter_)
    query = query.where(row.owner == owner).order_by(row.job_id.desc(), row.position.desc()).limit(limit)
    if after is not None:
        query = query.where(tuple_(row.job_id, row.position) < after)
    return list(session.scalars(_narrowed(query, filter_)))


def item(session: Session, owner: str, job_id: str, position: int) -> Item | None:
    """One item of the owner's."""
    return session.scalar(select(Item).where(Item.job_id == job_id, Item.position == position, Item.owner == owner))


def source_of(session: Session, item: Item) -> Source | None:
    """The uploaded file that holds the item."""
    return session.get(Source, item.source_id)


def reviews_of(session: Session, items: list[Item]) -> dict[tuple[str, int], Review]:
    """The reviews of these items, by (job, position)."""
    keys = [(item.job_id, item.position) for item in items]
    if not keys:
        return {}
    found = session.scalars(select(Review).where(tuple_(Review.job_id, Review.position).in_(keys)))
    return {(review.job_id, review.position): review for review in found}


def every_item(database: Database, job_id: str) -> Iterator[Item]:
    """All items of a job by position, in short transactions, so that an export of any size holds nothing up."""
    after = -1
    while True:
        with database.read() as session:
            page = items_of_job(session, job_id, EXPORT_PAGE, after)
        yield from page
        if len(page) < EXPORT_PAGE:
            return
        after = page[-1].position
