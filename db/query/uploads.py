"""What is kept of uploads."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.clock import now
from db.schema import Source


def oldest(session: Session) -> float | None:
    """The age of the oldest upload that is kept, in days by the database's clock; None: there is none."""
    first = session.scalar(select(func.min(Source.created_at)).where(Source.deleted_at.is_(None)))
    return None if first is None else max(0.0, (session.scalar(select(now())) or first) - first) / 86400


def stored(session: Session) -> tuple[int, int]:
    """How many uploaded files are kept, of all owners, and their bytes together."""
    kept = select(func.count(), func.coalesce(func.sum(Source.bytes), 0)).where(Source.deleted_at.is_(None))
    count, size = session.execute(kept).one()
    return int(count), int(size)
