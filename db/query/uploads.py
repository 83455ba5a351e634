"""What is kept of uploads."""

from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class Kept:
    """An upload that should be there, byte for byte."""

    id: str
    blob: str
    bytes: int
    digest: str


def kept_uploads(session: Session, limit: int, after: str = "") -> list[Kept]:
    """A page of the uploads that are kept, in the order of their ids."""
    page = select(Source.id, Source.blob, Source.bytes, Source.digest).where(Source.deleted_at.is_(None))
    return [Kept(*row) for row in session.execute(page.where(Source.id > after).order_by(Source.id).limit(limit))]


def is_kept(session: Session, source_id: str) -> bool:
    """Whether an upload should be there still."""
    return session.scalar(select(Source.id).where(Source.id == source_id, Source.deleted_at.is_(None))) is not None
