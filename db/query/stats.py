"""Totals, read from the tallies."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.schema import Tally

GROUPS = {
    "day": Tally.day,
    "model": Tally.model,
    "decision": Tally.decision,
    "reason": Tally.reason,
    "label": Tally.label,
}


def totals(
    session: Session, owner: str, by: Sequence[str], first_day: str | None = None, last_day: str | None = None
) -> list[dict[str, str | int]]:
    """Counts of the owner's items grouped by any of day, model, decision, reason, label. Raises KeyError for others."""
    columns = [GROUPS[name] for name in by]
    query = select(*columns, func.sum(Tally.count)).where(Tally.owner == owner).group_by(*columns).order_by(*columns)
    if first_day is not None:
        query = query.where(Tally.day >= first_day)
    if last_day is not None:
        query = query.where(Tally.day <= last_day)
    return [dict(zip([*by, "count"], [*row[:-1], int(row[-1] or 0)], strict=True)) for row in session.execute(query)]
