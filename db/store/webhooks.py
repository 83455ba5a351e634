"""Messages that a job has ended: written with its end, claimed for a try, settled as delivered or to be tried again."""

import base64
import json
import secrets
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.orm import Session

from db.clock import iso, now
from db.ids import new_id
from db.schema import Job, Webhook, WebhookSecret
from db.states import WebhookState

# How long one worker has a message to itself; beyond it another tries.
LEASE_SECONDS = 60.0
# No pause between two tries is longer, and a due time much further ahead comes from a clock that jumped.
LONGEST_PAUSE = 3 * 3600.0
SECRET_BYTES = 32


class NothingToSend(Exception):
    """There is no message that has ended, or none at all."""


@dataclass(frozen=True, slots=True)
class Sending:
    """A worker's right to one try; ``attempt`` counts from 1 and is the fence. ``age`` is in seconds.

    ``secrets`` sign the message: the owner's own, and for a while after a change the one before.
    """

    id: str
    job: str
    attempt: int
    url: str
    body: str
    age: float
    secrets: tuple[str, ...]


def announce(session: Session, job: Job, at: float) -> None:
    """Writes the message that a locked job has just ended at ``at``, where it asks for one."""
    if job.webhook_url is None:
        return
    session.add(
        Webhook(
            id=new_id(),
            job_id=job.id,
            owner=job.owner,
            url=job.webhook_url,
            body=json.dumps(_message(job, at), ensure_ascii=False, separators=(",", ":")),
            state=WebhookState.PENDING,
            created_at=at,
            due_at=at,
        )
    )


def _message(job: Job, at: float) -> dict[str, Any]:
    counts = ("total", "accepted", "rejected", "failed", "canceled", "skipped")
    return {
        "type": f"job.{job.state}",
        "timestamp": iso(at),
        "data": {
            "id": job.id,
            "state": job.state,
            "outcome": job.outcome,
            "error": None if job.error is None else {"code": job.error, "message": job.message or ""},
            "model": {"name": job.model, "version": job.version},
            "counts": {name: getattr(job, name) for name in counts},
            "submitted_at": iso(job.submitted_at),
            "finished_at": iso(at),
            "metadata": job.meta,
            "retry_of": job.retry_of,
            "link": f"/v1/jobs/{job.id}",
        },
    }


def webhooks_due(session: Session) -> bool:
    """Whether there is anything to claim: a look that keeps no writer waiting."""
    return session.scalar(select(Webhook.id).where(*_due()).limit(1)) is not None


def claim_webhooks(session: Session, limit: int) -> list[Sending]:
    """Takes up to ``limit`` messages that are due; the least tried go first, so that no dead receiver delays them."""
    waiting = (
        select(Webhook.id)
        .where(*_due())
        .order_by(Webhook.attempts, Webhook.due_at, Webhook.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("waiting")
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )
    taken = session.execute(
        update(Webhook)
        .where(Webhook.id.in_(select(waiting.c.id)))
        .values(attempts=Webhook.attempts + 1, due_at=now() + LEASE_SECONDS)
        .returning(
            Webhook.id,
            Webhook.job_id,
            Webhook.attempts,
            Webhook.url,
            Webhook.body,
            (now() - Webhook.created_at).label("age"),
            Webhook.owner,
        )
        .execution_options(synchronize_session=False)
    ).all()
    signing = _secrets_of(session, {row.owner for row in taken})
    return [Sending(*row[:6], signing.get(row.owner, ())) for row in sorted(taken, key=lambda row: row.id)]


def _due() -> tuple[ColumnElement[bool], ...]:
    at_last = or_(Webhook.due_at <= now(), Webhook.due_at > now() + 2 * LONGEST_PAUSE)
    return Webhook.state == WebhookState.PENDING, at_last


def _secrets_of(session: Session, owners: set[str]) -> dict[str, tuple[str, ...]]:
    old = and_(WebhookSecret.previous.is_not(None), WebhookSecret.previous_until > now())
    rows = session.execute(
        select(WebhookSecret.owner, WebhookSecret.secret, WebhookSecret.previous, old.label("old")).where(
            WebhookSecret.owner.in_(owners)
        )
    )
    return {row.owner: (row.secret, row.previous) if row.old else (row.secret,) for row in rows}


def settle_webhook(
    session: Session, sending: Sending, status: int | None, error: str | None, again_in: float | None
) -> bool:
    """Writes how a try went; False when the message is no longer the caller's, and nothing was written.

    ``error`` None: it was delivered. Else it is tried again in ``again_in`` seconds, or, where that is None, given up.
    """
    values: dict[str, Any] = {"status": status, "error": error}
    if error is not None and again_in is not None:
        values["due_at"] = now() + min(again_in, LONGEST_PAUSE)
    else:
        ended = WebhookState.DELIVERED if error is None else WebhookState.GIVEN_UP
        values |= {"state": ended, "due_at": None, "finished_at": now()}
    mine = (Webhook.id == sending.id, Webhook.attempts == sending.attempt, Webhook.state == WebhookState.PENDING)
    hit = session.execute(update(Webhook).where(*mine).values(values).execution_options(synchronize_session=False))
    return bool(hit.rowcount)  # type: ignore[attr-defined]


def send_again(session: Session, job_id: str) -> None:
    """Has the message about a job tried anew, for as long as at first; its id stays, and tries are counted on.

    Raises NothingToSend for one that still waits to be sent, and for a job that has none.
    """
    ended = (Webhook.job_id == job_id, Webhook.state != WebhookState.PENDING)
    again = {"state": WebhookState.PENDING, "created_at": now(), "due_at": now(), "finished_at": None}
    hit = session.execute(update(Webhook).where(*ended).values(again).execution_options(synchronize_session=False))
    if not hit.rowcount:  # type: ignore[attr-defined]
        raise NothingToSend("There is no message about this job, or it still waits to be sent.")


def new_secret(session: Session, owner: str, at: float, grace_seconds: float) -> tuple[str, float | None]:
    """Makes the owner's secret, or another in its place; returns it, and when the one before ends, if there was one.

    Until then messages are signed with both. The secret is never seen again.
    """
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
    row = session.get(WebhookSecret, owner, with_for_update=True)
    if row is None:
        session.add(WebhookSecret(owner=owner, secret=secret, created_at=at))
        return secret, None
    row.previous, row.previous_until = row.secret, at + grace_seconds
    row.secret, row.created_at = secret, at
    return secret, row.previous_until
