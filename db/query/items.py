"""The items of one job: pages by keyset, never by offset."""

from collections.abc import Collection, Iterator

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from db.database import Database
from db.query.at_places import at_places, these
from db.query.narrow import ANY, Filter, conditions, kept, start
from db.schema import Item, Review, Source

EXPORT_PAGE = 500

_REVIEWS = at_places(select(Review), Review)
_KEPT = at_places(select(Item).where(kept()), Item)
_ONE = select(Item).where(
    Item.job_id == bindparam("job"), Item.position == bindparam("place"), Item.owner == bindparam("whose"), kept()
)


def items_of_job(session: Session, job_id: str, limit: int, after: int = -1, filter_: Filter = ANY) -> list[Item]:
    """A page of a job's items by position; ``after`` is the last position of the page before."""
    query, row = start(filter_)
    query = query.where(row.job_id == job_id, row.position > after, conditions(filter_))
    return list(session.scalars(query.order_by(row.position).limit(limit)))


def item(session: Session, owner: str, job_id: str, position: int) -> Item | None:
    """One item of the owner's; None once its job's results have expired."""
    return session.scalar(_ONE, {"job": job_id, "place": position, "whose": owner})


def items_at(session: Session, owner: str, places: Collection[tuple[str, int]]) -> dict[tuple[str, int], Item]:
    """Those of the owner's items that are at these places, each a job and a position (at least one place).

    What has expired is not among them.
    """
    found = session.scalars(_KEPT, these(places))
    # Not asked of the database: SQLite would go through all of the owner's items instead.
    return {(item.job_id, item.position): item for item in found if item.owner == owner}


def source_of(session: Session, item: Item) -> Source | None:
    """The uploaded file that holds the item."""
    return session.get(Source, item.source_id)


def reviews_of(session: Session, items: list[Item]) -> dict[tuple[str, int], Review]:
    """The reviews of these items, by (job, position)."""
    keys = [(item.job_id, item.position) for item in items]
    if not keys:
        return {}
    found = session.scalars(_REVIEWS, these(keys))
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
