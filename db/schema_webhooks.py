"""The tables of what is told to others: a message for each finished job that asks for one, and what signs it."""

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from db.base import Base, Id


class Webhook(Base):
    """The message that a job has ended, written in the transaction that ends it. ``state``: see WebhookState.

    ``body`` is sent byte for byte the same at every try. Whoever moves ``due_at`` on has the next try, and
    ``attempts`` is the fence. ``status`` and ``error`` are of the last try. It is given up some time after
    ``created_at``, which is moved on where it is sent again.
    """

    __tablename__ = "webhooks"
    id: Mapped[str] = mapped_column(Id, primary_key=True)
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), unique=True)
    owner: Mapped[str] = mapped_column(String(64))
    url: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(16))
    attempts: Mapped[int] = mapped_column(default=0)
    status: Mapped[int | None]
    error: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[float]
    due_at: Mapped[float | None]
    finished_at: Mapped[float | None]
    __table_args__ = (Index("ix_webhooks_state_due_at", "state", "due_at"),)


class WebhookSecret(Base):
    """What signs an owner's messages. After a change the ``previous`` one signs too, until ``previous_until``.

    A signature needs the secret itself, so that it is kept as it is.
    """

    __tablename__ = "webhook_secrets"
    owner: Mapped[str] = mapped_column(String(64), primary_key=True)
    secret: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[float]
    previous: Mapped[str | None] = mapped_column(String(100))
    previous_until: Mapped[float | None]
