"""The tables of who may do what."""

from typing import Any

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, Id


class Key(Base):
    """An API key; only the SHA-256 of the secret is kept.

    After a change of the secret the one before (``previous_digest``) is good until ``previous_until``.
    """

    __tablename__ = "keys"
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    owner: Mapped[str] = mapped_column(String(64), index=True)
    name: Mapped[str] = mapped_column(String(200))
    scopes: Mapped[list[Any]]
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[float]
    revoked_at: Mapped[float | None]
    expires_at: Mapped[float | None]
    previous_digest: Mapped[str | None] = mapped_column(String(64), index=True)
    previous_until: Mapped[float | None]


class Audit(Base):
    """A change of a key or a secret: who (``actor``, with which key, from where), what, to what, and how."""

    __tablename__ = "audit"
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    at: Mapped[float]
    actor: Mapped[str] = mapped_column(String(64))
    key_id: Mapped[str | None] = mapped_column(Id)
    address: Mapped[str] = mapped_column(String(64))
    action: Mapped[str] = mapped_column(String(32))
    target: Mapped[str] = mapped_column(String(100))
    detail: Mapped[dict[str, Any]]


class Ticket(Base):
    """A right to send one upload without a key; only the SHA-256 of the secret is kept.

    ``idempotency_key`` is set when the first upload with it starts, and is that of its job: at most one comes of it.
    """

    __tablename__ = "tickets"
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    owner: Mapped[str] = mapped_column(String(64))
    key_id: Mapped[str] = mapped_column(ForeignKey("keys.id", ondelete="CASCADE"))
    idempotency_key: Mapped[str | None] = mapped_column(String(255))
    expires_at: Mapped[float] = mapped_column(index=True)
