"""Duties that one process at a time does."""

from sqlalchemy import or_, update
from sqlalchemy.orm import Session

from db.clock import now
from db.schema import Beat


def take_turn(session: Session, name: str, seconds: float, longest: float | None = None) -> bool:
    """Whether the caller is the one to do it now; then nobody else is for ``seconds``.

    ``longest`` is the longest pause that anybody sets, ``seconds`` by default: a due time much further ahead comes from
    a clock that jumped.
    """
    hit = session.execute(
        update(Beat)
        .where(Beat.name == name, or_(Beat.due_at <= now(), Beat.due_at > now() + 2 * (longest or seconds)))
        .values(due_at=now() + seconds)
    )
    return bool(hit.rowcount)  # type: ignore[attr-defined]


def put_off(session: Session, name: str, seconds: float) -> None:
    """Whoever has the turn keeps it for ``seconds`` from now, or leaves it until then."""
    session.execute(update(Beat).where(Beat.name == name).values(due_at=now() + seconds))
