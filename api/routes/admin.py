"""What administrators see and do: keys, workers, the system."""

import structlog
from fastapi import APIRouter

from api.auth import Admin
from api.lookup import NotFound
from api.parts import The
from api.schemas import Page, iso, iso_or_none
from api.schemas_more import KeyIn, KeyOut, NewKey, WorkerOut
from api.schemas_stats import SystemOut
from api.system import describe_system
from db.query.queue import Holding, holdings
from db.query.workers import alive
from db.schema import Key
from db.store.keys import Scope, create_key, list_keys, revoke_key

log = structlog.get_logger(__name__)
router = APIRouter(prefix="/v1", tags=["Administration"])


@router.post("/keys", status_code=201, summary="Make a key")
def make_key(wanted: KeyIn, parts: The, caller: Admin) -> NewKey:
    """A new key. Its secret stands in this answer only."""
    with parts.database.write() as session:
        key, secret = create_key(session, wanted.owner or caller.owner, wanted.name, frozenset(wanted.scopes))
        made = NewKey(**dict(_key_out(key)), secret=secret)
    log.info("credential_made", credential=made.id, for_owner=made.owner, scopes=made.scopes)
    return made


@router.get("/keys", summary="List keys")
def keys(parts: The, caller: Admin) -> Page[KeyOut]:
    """All keys of all owners, without their secrets."""
    with parts.database.read() as session:
        return Page(data=[_key_out(key) for key in list_keys(session)], next=None)


@router.delete("/keys/{key_id}", status_code=204, summary="Revoke a key")
def revoke(key_id: str, parts: The, caller: Admin) -> None:
    """Ends a key for good. Other API processes may honour it for 3 seconds more."""
    with parts.database.write() as session:
        if len(key_id) > 26 or not key_id.isalnum() or not revoke_key(session, key_id):
            raise NotFound("There is no such key, or it was revoked already.")
    parts.gate.forget()
    log.info("credential_revoked", credential=key_id)


@router.get("/workers", summary="List workers")
def workers(parts: The, caller: Admin) -> Page[WorkerOut]:
    """Every worker process that is alive, and what it has in hand."""
    with parts.database.read() as session:
        held = holdings(session)
        found = [
            WorkerOut(
                name=worker.name,
                kind=worker.kind,
                state=worker.state,
                models=worker.models,
                engines=worker.engines,
                backend=worker.backend,
                started_at=iso(worker.started_at),
                beat_at=iso(worker.beat_at),
                holding=held[worker.name].count if worker.name in held else 0,
                jobs=_own(held.get(worker.name), caller.owner),
            )
            for worker in alive(session)
        ]
    return Page(data=found, next=None)


@router.get("/system", summary="How this server is set up")
def system(parts: The, caller: Admin) -> SystemOut:
    """Version, what it keeps, and the limits in force; no secrets, no paths."""
    return describe_system(parts)


def _own(holding: Holding | None, owner: str) -> list[str]:
    return [] if holding is None else [job for job, whose in holding.jobs if whose == owner]


def _key_out(key: Key) -> KeyOut:
    return KeyOut(
        id=key.id,
        owner=key.owner,
        name=key.name,
        scopes=[Scope(scope) for scope in key.scopes],
        created_at=iso(key.created_at),
        revoked_at=iso_or_none(key.revoked_at),
    )
