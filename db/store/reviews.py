"""What people say about verdicts."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.schema import Item, Review
from db.store.counts import database_time


def review(session: Session, item: Item, label: str | None, correct: bool) -> Review:
    """Keeps the reviewer's truth beside the verdict; a later review replaces an earlier one."""
    at = database_time(session)
    found = session.scalar(select(Review).where(Review.job_id == item.job_id, Review.position == item.position))
    if found is None:
        found = Review(job_id=item.job_id, position=item.position, owner=item.owner)
        session.add(found)
    found.label, found.correct, found.reviewed_at = label, correct, at
    session.flush()
    return found
