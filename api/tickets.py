"""Who sends an upload: the holder of a key, or of a ticket."""

from dataclasses import dataclass
from typing import Annotated

import structlog
from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool

from api.auth import address_of, needs
from api.parts import The
from db.database import Database
from db.store.keys import Scope
from db.store.tickets import Admitted, admit_ticket, is_good

log = structlog.get_logger(__name__)


class WrongTicket(Exception):
    """The ticket is unknown, or the time to start its upload is over."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Whose the upload is. ``idempotency_key`` is the ticket's; None for the holder of a key, who may send one."""

    owner: str
    idempotency_key: str | None


async def sender(request: Request, parts: The) -> Sender:
    """Admits by the ticket in the query, else by the key. It never touches the body."""
    ticket = request.query_params.get("ticket")
    if ticket is None:
        return Sender((await needs(Scope.SUBMIT)(request)).owner, None)
    given = request.headers.get("idempotency-key") or None
    admitted = await run_in_threadpool(_admit, parts.database, ticket, given and given[:255])
    if admitted is None:
        request.app.state.quiet.say(log.warning, "ticket_refused", address=address_of(request))
        parts.gate.refuse(address_of(request))
        raise WrongTicket("This upload ticket is unknown or has ended; please ask for a new one.")
    request.state.owner = admitted.owner
    return Sender(admitted.owner, admitted.idempotency_key)


Sending = Annotated[Sender, Depends(sender)]


def _admit(database: Database, ticket: str, idempotency_key: str | None) -> Admitted | None:
    # Whoever guesses must not take turns at writing, of which SQLite has one for everybody.
    with database.read() as session:
        if not is_good(session, ticket):
            return None
    with database.write() as session:
        return admit_ticket(session, ticket, idempotency_key)
