"""Messages about finished jobs, as their owners see them."""

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.schema import Webhook, WebhookSecret
from db.states import WebhookState


def webhooks(session: Session, jobs: Iterable[str]) -> dict[str, Webhook]:
    """The messages about these jobs, by job; one that has not ended has none."""
    return {row.job_id: row for row in session.scalars(select(Webhook).where(Webhook.job_id.in_(list(jobs))))}


def undelivered(session: Session, job: str) -> bool:
    """Whether the message about a job waits to be sent."""
    waits = select(Webhook.id).where(Webhook.job_id == job, Webhook.state == WebhookState.PENDING)
    return session.scalar(waits) is not None


def secret_of(session: Session, owner: str) -> WebhookSecret | None:
    """The row of what signs the owner's messages."""
    return session.get(WebhookSecret, owner)
