"""Tickets: one upload without a key, from a page that must not hold one."""

import secrets
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, delete, exists, func, select, update
from sqlalchemy.orm import Session

from db.clock import now
from db.schema import Key, Ticket
from db.store.counts import database_time
from db.store.keys import Caller, digest, usable


@dataclass(frozen=True, slots=True)
class Admitted:
    """Whose the upload is, and the idempotency key under which its job is made."""

    owner: str
    idempotency_key: str


def make_ticket(session: Session, caller: Caller, seconds: float) -> tuple[str, float]:
    """A new ticket of the caller's for so many seconds: its secret (256 random bits), and when it ends."""
    forget_tickets(session)
    secret, ends = secrets.token_urlsafe(32), database_time(session) + seconds
    session.add(Ticket(digest=digest(secret), owner=caller.owner, key_id=caller.key, expires_at=ends))
    session.flush()
    return secret, ends


def admit_ticket(session: Session, secret: str, idempotency_key: str | None) -> Admitted | None:
    """Starts an upload; None when the ticket is unknown or has ended, or the key behind it is good no longer.

    The first upload fixes the idempotency key, its sender's or one of the ticket's own; all later ones have the same.
    """
    own = f"ticket:{digest(secret)}"
    row = session.execute(
        update(Ticket)
        .where(_opens(secret))
        .values(idempotency_key=func.coalesce(Ticket.idempotency_key, idempotency_key or own))
        .returning(Ticket.owner, Ticket.idempotency_key)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    return None if row is None else Admitted(row.owner, row.idempotency_key)


def is_good(session: Session, secret: str) -> bool:
    """Whether an upload may start with the ticket; nothing is written."""
    return session.scalar(select(Ticket.digest).where(_opens(secret))) is not None


def _opens(secret: str) -> ColumnElement[bool]:
    alive = exists().where(Key.id == Ticket.key_id, usable())
    return and_(Ticket.digest == digest(secret), Ticket.expires_at > now(), alive)


def forget_tickets(session: Session) -> None:
    """Deletes the tickets that have ended."""
    session.execute(delete(Ticket).where(Ticket.expires_at <= now()).execution_options(synchronize_session=False))
