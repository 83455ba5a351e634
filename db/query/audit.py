"""Changes of keys and secrets, as they are listed."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.schema import Audit


def audit(session: Session, limit: int, after: str | None = None) -> list[Audit]:
    """A page, newest first; ``after`` is the last id of the page before."""
    query = select(Audit).order_by(Audit.id.desc()).limit(limit)
    return list(session.scalars(query if after is None else query.where(Audit.id < after)))
