"""What signs the messages about finished jobs."""

from typing import Annotated

import structlog
from fastapi import APIRouter, Body, Request

from api.auth import Reader, Submitter, address_of
from api.lookup import NotFound
from api.parts import The
from api.schemas import iso, iso_or_none
from api.schemas_access import NewWebhookSecret, WebhookSecretIn, WebhookSecretOut
from db.query.webhooks import secret_of
from db.store.audit import record
from db.store.counts import database_time
from db.store.webhooks import new_secret

log = structlog.get_logger(__name__)
router = APIRouter(prefix="/v1/webhook-secret", tags=["Webhooks"])


@router.post("", status_code=201, summary="Make the secret that signs your webhooks, or a new one")
def make_secret(
    request: Request, parts: The, caller: Submitter, wanted: Annotated[WebhookSecretIn | None, Body()] = None
) -> NewWebhookSecret:
    """A new secret for all your webhooks. It stands in this answer only; give it to your receiver.

    The one before signs beside it for `grace_seconds`, so that receivers can change over without missing a message.
    """
    wanted = wanted or WebhookSecretIn()
    with parts.database.write() as session:
        at = database_time(session)
        secret, previous_until = new_secret(session, caller.owner, at, wanted.grace_seconds)
        how = {"replaced": previous_until is not None, "grace_seconds": wanted.grace_seconds}
        record(session, caller.actor, caller.key, address_of(request), "webhook_secret_made", caller.owner, **how)
    log.info("webhook_secret_made", owner=caller.owner)
    return NewWebhookSecret(created_at=iso(at), previous_until=iso_or_none(previous_until), secret=secret)


@router.get("", summary="Is there a secret for webhooks?")
def look_at_secret(parts: The, caller: Reader) -> WebhookSecretOut:
    """When it was made, and how long the one before is good; never the secret itself."""
    with parts.database.read() as session:
        row = secret_of(session, caller.owner)
    if row is None:
        raise NotFound("There is no secret for your webhooks yet.")
    return WebhookSecretOut(created_at=iso(row.created_at), previous_until=iso_or_none(row.previous_until))
