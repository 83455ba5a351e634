"""Who may do what, and who changed it."""

from typing import Annotated

import structlog
from fastapi import APIRouter, Body, Query, Request

from api.auth import Admin, address_of
from api.cursors import decode_job, encode
from api.lookup import NotFound
from api.parts import The
from api.schemas import Page, iso, iso_or_none
from api.schemas_access import AuditOut, KeyIn, KeyOut, NewKey, RotateIn
from db.query import audit as audit_queries
from db.schema import Key
from db.store.audit import record
from db.store.keys import Scope, create_key, list_keys, revoke_key, rotate_key

log = structlog.get_logger(__name__)
router = APIRouter(prefix="/v1", tags=["Administration"])
DAY = 86_400


@router.post("/keys", status_code=201, summary="Make a key")
def make_key(request: Request, wanted: KeyIn, parts: The, caller: Admin) -> NewKey:
    """A new key. Its secret stands in this answer only."""
    days = wanted.expires_in_days
    with parts.database.write() as session:
        key, secret = create_key(
            session,
            wanted.owner or caller.owner,
            wanted.name,
            frozenset(wanted.scopes),
            expires_in=None if days is None else float(days * DAY),
        )
        made = NewKey(**dict(_key_out(key)), secret=secret)
        said = {"name": made.name, "owner": made.owner, "scopes": key.scopes, "expires_in_days": days}
        record(session, caller.owner, caller.key, address_of(request), "key_made", made.id, **said)
    log.info("credential_made", credential=made.id, for_owner=made.owner, scopes=made.scopes)
    return made


@router.get("/keys", summary="List keys")
def keys(parts: The, caller: Admin) -> Page[KeyOut]:
    """All keys of all owners, without their secrets."""
    with parts.database.read() as session:
        return Page(data=[_key_out(key) for key in list_keys(session)], next=None)


@router.post("/keys/{key_id}/rotate", status_code=201, summary="Change a key for a new one")
def rotate(
    request: Request, key_id: str, parts: The, caller: Admin, wanted: Annotated[RotateIn | None, Body()] = None
) -> NewKey:
    """A new secret for the same key. The old one is good for `grace_seconds` more, so that programs can change over."""
    grace = (wanted or RotateIn()).grace_seconds
    with parts.database.write() as session:
        found = rotate_key(session, _id_of(key_id), grace)
        if found is None:
            raise NotFound("There is no such key, or it was revoked or has ended.")
        key, secret = found
        made = NewKey(**dict(_key_out(key)), secret=secret)
        record(session, caller.owner, caller.key, address_of(request), "key_rotated", key_id, grace_seconds=grace)
    parts.gate.forget()
    log.info("credential_rotated", credential=key_id)
    return made


@router.delete("/keys/{key_id}", status_code=204, summary="Revoke a key")
def revoke(request: Request, key_id: str, parts: The, caller: Admin) -> None:
    """Ends a key for good. Other API processes may honour it for 3 seconds more."""
    with parts.database.write() as session:
        if not revoke_key(session, _id_of(key_id)):
            raise NotFound("There is no such key, or it was revoked already.")
        record(session, caller.owner, caller.key, address_of(request), "key_revoked", key_id)
    parts.gate.forget()
    log.info("credential_revoked", credential=key_id)


@router.get("/audit", summary="Who changed keys and secrets")
def audit(
    parts: The,
    caller: Admin,
    limit: Annotated[int, Query(ge=1, le=500, description="Most entries in the page.")] = 50,
    after: Annotated[str | None, Query(max_length=200, description="The `next` of the page before.")] = None,
) -> Page[AuditOut]:
    """Who made, changed and revoked keys, or made a secret for webhooks, from where and when; newest first."""
    last = None if after is None else decode_job(after)
    with parts.database.read() as session:
        found = audit_queries.audit(session, limit + 1, last)
    page = [
        AuditOut(
            id=row.id,
            at=iso(row.at),
            actor=row.actor,
            key=row.key_id,
            address=row.address,
            action=row.action,
            target=row.target,
            detail=row.detail,
        )
        for row in found[:limit]
    ]
    return Page(data=page, next=encode(page[-1].id) if len(found) > limit else None)


def _id_of(text: str) -> str:
    if len(text) > 26 or not text.isalnum():
        raise NotFound("There is no such key.")
    return text


def _key_out(key: Key) -> KeyOut:
    return KeyOut(
        id=key.id,
        owner=key.owner,
        name=key.name,
        scopes=[Scope(scope) for scope in key.scopes],
        created_at=iso(key.created_at),
        revoked_at=iso_or_none(key.revoked_at),
        expires_at=iso_or_none(key.expires_at),
        previous_until=iso_or_none(key.previous_until),
    )
