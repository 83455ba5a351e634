"""API keys: 256 random bits with a prefix, kept as SHA-256."""

import hashlib
import secrets
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from db.clock import now
from db.ids import new_id
from db.schema import Key
from db.store.counts import database_time

PREFIX = "shoebox_"


class Scope(StrEnum):
    """What a key may do. ``admin`` includes the others."""

    SUBMIT = "submit"
    READ = "read"
    REVIEW = "review"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who a request comes from."""

    key: str
    owner: str
    scopes: frozenset[Scope]

    def may(self, scope: Scope) -> bool:
        """Whether the caller has the scope."""
        return scope in self.scopes or Scope.ADMIN in self.scopes


def digest(secret: str) -> str:
    """SHA-256 of a secret, in hex. A plain hash is enough for 256 random bits."""
    return hashlib.sha256(secret.encode()).hexdigest()


def create_key(
    session: Session, owner: str, name: str, scopes: frozenset[Scope], secret: str | None = None
) -> tuple[Key, str]:
    """Inserts a key; returns its row and the secret, which is never seen again."""
    secret = secret or PREFIX + secrets.token_urlsafe(32)
    key = Key(
        id=new_id(),
        owner=owner,
        name=name,
        scopes=sorted(scopes),
        digest=digest(secret),
        created_at=database_time(session),
    )
    session.add(key)
    session.flush()
    return key, secret


def find_caller(session: Session, secret: str) -> Caller | None:
    """The caller behind a secret; None when it is unknown or revoked.

    The database is asked for the digest: the time this takes says nothing of the secret.
    """
    key = session.scalar(select(Key).where(Key.digest == digest(secret), Key.revoked_at.is_(None)))
    return None if key is None else Caller(key.id, key.owner, frozenset(Scope(scope) for scope in key.scopes))


def list_keys(session: Session) -> list[Key]:
    """All keys, oldest first."""
    return list(session.scalars(select(Key).order_by(Key.id)))


def revoke_key(session: Session, key_id: str) -> bool:
    """Revokes a key; False when there is no such key or it was revoked already."""
    hit = session.execute(update(Key).where(Key.id == key_id, Key.revoked_at.is_(None)).values(revoked_at=now()))
    return bool(hit.rowcount)  # type: ignore[attr-defined]
