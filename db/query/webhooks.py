"""Messages about finished jobs, as their owners see them."""

from collections.abc import Collection, Iterable

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from db.dialects import table
from db.schema import Webhook, WebhookSecret
from db.states import WebhookState

_WEBHOOKS = table(Webhook).c
_UNDELIVERED = (
    select(_WEBHOOKS.id)
    .where(_WEBHOOKS.job_id.in_(bindparam("jobs", expanding=True)), _WEBHOOKS.state == WebhookState.PENDING)
    .limit(1)
)


def webhooks(session: Session, jobs: Iterable[str]) -> dict[str, Webhook]:
    """The messages about these jobs, by job; one that has not ended has none."""
    return {row.job_id: row for row in session.scalars(select(Webhook).where(Webhook.job_id.in_(list(jobs))))}


def undelivered(session: Session, jobs: Collection[str]) -> bool:
    """Whether a message about one of these jobs waits to be sent."""
    return session.execute(_UNDELIVERED, {"jobs": list(jobs)}).first() is not None


def secret_of(session: Session, owner: str) -> WebhookSecret | None:
    """The row of what signs the owner's messages."""
    return session.get(WebhookSecret, owner)
