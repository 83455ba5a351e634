"""What people say about verdicts."""

from sqlalchemy import delete
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from db.schema import Item, Review
from db.store.counts import database_time


def review(session: Session, item: Item, label: str | None, correct: bool) -> Review:
    """Keeps the reviewer's truth beside the verdict; a later review replaces an earlier one. Two at once do no harm."""
    said = {"label": label, "correct": correct, "reviewed_at": database_time(session)}
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    statement = (
        insert(Review)
        .values(job_id=item.job_id, position=item.position, owner=item.owner, **said)
        .on_conflict_do_update(index_elements=["job_id", "position"], set_=said)
        .returning(Review)
    )
    return session.scalars(statement, execution_options={"populate_existing": True}).one()


def unreview(session: Session, item: Item) -> bool:
    """Takes the review of an item back; False when it has none."""
    hit = session.execute(
        delete(Review)
        .where(Review.job_id == item.job_id, Review.position == item.position)
        .execution_options(synchronize_session=False)
    )
    return bool(hit.rowcount)  # type: ignore[attr-defined]
