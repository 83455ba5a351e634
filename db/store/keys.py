"""API keys: 256 random bits with a prefix, kept as SHA-256."""

import hashlib
import secrets
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import ColumnElement, and_, or_, select, update
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
    """Who a request comes from. ``admin`` is the owner of the key where it acts for another."""

    key: str
    owner: str
    scopes: frozenset[Scope]
    admin: str | None = None

    @property
    def actor(self) -> str:
        """Whose key it is."""
        return self.admin or self.owner

    def may(self, scope: Scope) -> bool:
        """Whether the caller has the scope."""
        return scope in self.scopes or Scope.ADMIN in self.scopes


def digest(secret: str) -> str:
    """SHA-256 of a secret, in hex. A plain hash is enough for 256 random bits."""
    return hashlib.sha256(secret.encode()).hexdigest()


def create_key(
    session: Session,
    owner: str,
    name: str,
    scopes: frozenset[Scope],
    secret: str | None = None,
    expires_in: float | None = None,
) -> tuple[Key, str]:
    """Inserts a key, good for ``expires_in`` seconds (None: for ever); its row and the secret, never seen again."""
    secret = secret or PREFIX + secrets.token_urlsafe(32)
    at = database_time(session)
    key = Key(
        id=new_id(),
        owner=owner,
        name=name,
        scopes=sorted(scopes),
        digest=digest(secret),
        created_at=at,
        expires_at=None if expires_in is None else at + expires_in,
    )
    session.add(key)
    session.flush()
    return key, secret


def find_caller(session: Session, secret: str) -> Caller | None:
    """The caller behind a secret; None when it is unknown, was revoked or has ended.

    The database is asked for the digest: the time this takes says nothing of the secret.
    """
    key = session.scalar(select(Key).where(_opens(secret), usable()))
    return None if key is None else Caller(key.id, key.owner, frozenset(Scope(scope) for scope in key.scopes))


def has_ended(session: Session, secret: str) -> bool:
    """Whether the secret was that of a key, and is no longer for its time alone: not for a revocation."""
    known = or_(Key.digest == digest(secret), Key.previous_digest == digest(secret))
    return session.scalar(select(Key.id).where(known, Key.revoked_at.is_(None)).limit(1)) is not None


def usable() -> ColumnElement[bool]:
    """The condition that a key is good: neither revoked nor over."""
    return and_(Key.revoked_at.is_(None), or_(Key.expires_at.is_(None), Key.expires_at > now()))


def _opens(secret: str) -> ColumnElement[bool]:
    hashed = digest(secret)
    return or_(Key.digest == hashed, and_(Key.previous_digest == hashed, Key.previous_until > now()))


def rotate_key(session: Session, key_id: str, grace_seconds: float) -> tuple[Key, str] | None:
    """Gives a key a new secret; the old one is good for ``grace_seconds`` more. None: no such key that is good."""
    key = session.scalar(select(Key).where(Key.id == key_id, usable()).with_for_update())
    if key is None:
        return None
    secret = PREFIX + secrets.token_urlsafe(32)
    key.previous_digest, key.previous_until = key.digest, database_time(session) + grace_seconds
    key.digest = digest(secret)
    session.flush()
    return key, secret


def list_keys(session: Session) -> list[Key]:
    """All keys, oldest first."""
    return list(session.scalars(select(Key).order_by(Key.id)))


def revoke_key(session: Session, key_id: str) -> bool:
    """Revokes a key; False when there is no such key or it was revoked already."""
    hit = session.execute(update(Key).where(Key.id == key_id, Key.revoked_at.is_(None)).values(revoked_at=now()))
    return bool(hit.rowcount)  # type: ignore[attr-defined]
