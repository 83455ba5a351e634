"""Who is told of a job's end: checked before an upload is taken, and shown with the job."""

from sqlalchemy.orm import Session

from api.options import BadField
from api.schemas import WebhookOut, iso_or_none
from db.query.webhooks import secret_of
from db.schema import Job, Webhook
from db.states import WebhookState
from worker.addresses import BadTarget, Policy, target_of


class NoWebhookSecret(Exception):
    """A message could not be signed: its sender's owner has no secret yet."""


def check_webhook(session: Session, owner: str, url: str | None, policy: Policy) -> None:
    """Raises BadField for an address that no message may go to, and NoWebhookSecret."""
    if url is None:
        return
    try:
        target_of(url, policy)
    except BadTarget as error:
        raise BadField("webhook_url", str(error)) from error
    if secret_of(session, owner) is None:
        raise NoWebhookSecret(
            "Messages are signed: please make the secret first (POST /v1/webhook-secret) and give it to the receiver."
        )


def webhook_out(job: Job, message: Webhook | None) -> WebhookOut | None:
    """How it stands with the message about a job; None where nobody wants one."""
    if job.webhook_url is None:
        return None
    if message is None:
        return WebhookOut(
            url=job.webhook_url, state="waiting", attempts=0, status=None, error=None, next_at=None, finished_at=None
        )
    return WebhookOut(
        url=message.url,
        state=WebhookState(message.state),
        attempts=message.attempts,
        status=message.status,
        error=message.error,
        next_at=iso_or_none(message.due_at),
        finished_at=iso_or_none(message.finished_at),
    )
