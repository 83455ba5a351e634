"""What is kept of uploads."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.schema import Source


def stored(session: Session) -> tuple[int, int]:
    """How many uploaded files are kept, of all owners, and their bytes together."""
    kept = select(func.count(), func.coalesce(func.sum(Source.bytes), 0)).where(Source.deleted_at.is_(None))
    count, size = session.execute(kept).one()
    return int(count), int(size)
