"""How often reviewers agreed."""

from typing import Any

from sqlalchemy import Integer, SQLColumnExpression, and_, cast, func, literal_column, select
from sqlalchemy.orm import Session

from db.query.narrow import kept
from db.schema import Item, Review


def agreement(
    session: Session, owner: str, by: str, since: float | None = None, until: float | None = None
) -> list[tuple[str | None, int, int]]:
    """(group, reviewed, correct) of the owner's reviews, by day of the review (UTC) or by the verdict's label or model.

    The label is None where the model gave none. ``until`` is exclusive. Raises KeyError for other groups.
    """
    if session.get_bind().dialect.name == "sqlite":
        day: SQLColumnExpression[Any] = func.date(Review.reviewed_at, "unixepoch")
    else:
        day = func.to_char(func.timezone("UTC", func.to_timestamp(Review.reviewed_at)), "YYYY-MM-DD")
    groups: dict[str, SQLColumnExpression[Any]] = {"day": day, "label": Item.label, "model": Item.model}
    group = groups[by]
    counted = select(group, func.count(), func.sum(cast(Review.correct, Integer)))
    query = counted.where(Review.owner == owner, kept(Review))
    if by != "day":
        same = and_(Review.job_id == Item.job_id, Review.position == Item.position)
        query = query.select_from(Review).join(Item, same)
    if since is not None:
        query = query.where(Review.reviewed_at >= since)
    if until is not None:
        query = query.where(Review.reviewed_at < until)
    rows = session.execute(query.group_by(literal_column("1")))
    found = [(name, int(reviewed), int(correct)) for name, reviewed, correct in rows]
    return sorted(found, key=lambda row: (row[0] is None, row[0] or ""))
