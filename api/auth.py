"""Who is calling, and may they?"""

import base64
import binascii
import re
import time
from collections.abc import Awaitable, Callable
from typing import Annotated

import structlog
from fastapi import Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers

from api.pace import note
from api.quiet import Quiet
from api.throttle import Throttle
from db.database import Database
from db.store.keys import Caller, Scope, digest, find_caller, has_ended

log = structlog.get_logger(__name__)

# A revoked key works for at most so long in this process.
REMEMBER_SECONDS = 3.0
MOST_REMEMBERED = 10_000
OWNER = re.compile(r"[A-Za-z0-9._@-]{1,64}")


class NotSignedIn(Exception):
    """The request carries no key."""


class WrongKey(Exception):
    """The key is unknown or was revoked."""


class EndedKey(Exception):
    """The key was good, and its time is over."""


class TooManyFailures(Exception):
    """The address has failed too often; ``retry_after`` is in seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__("Too many requests with a wrong key or ticket came from this address; please wait a little.")
        self.retry_after = retry_after


class MissingScope(Exception):
    """The key is good, but not for this."""


class NoOwner(Exception):
    """There can be no owner of that name."""


class Gate:
    """Finds the caller behind a request, and remembers good keys for a few seconds."""

    def __init__(self, database: Database, failures_per_minute: int, quiet: Quiet) -> None:
        self._quiet = quiet
        self._database = database
        self._throttle = Throttle(failures_per_minute)
        self._remembered: dict[str, tuple[float, Caller]] = {}

    async def admit(self, headers: Headers, address: str) -> Caller:
        """The caller. Raises NotSignedIn, WrongKey, EndedKey or TooManyFailures.

        A good key passes also from an address that fails a lot: many people may share an address, and a key cannot be
        guessed (256 random bits). The limit keeps the log and the database quiet.
        """
        secret = secret_of(headers)
        if not secret:
            raise NotSignedIn(
                "Please send an API key: as `Authorization: Bearer …`, as `X-API-Key`, or as the password of Basic."
            )
        caller = self._recall(secret) or await run_in_threadpool(self._ask, secret)
        if caller is not None:
            return caller
        self._quiet.say(log.warning, "sign_in_failed", address=address)
        self.refuse(address)
        if await run_in_threadpool(self._ended, secret):
            raise EndedKey("This API key has ended, or was changed for a new one; please use the new one.")
        raise WrongKey("This API key is unknown or was revoked.")

    def refuse(self, address: str) -> None:
        """Notes a failure of the address. Raises TooManyFailures when it has had more than its share."""
        wait = self._throttle.fail(address)
        if wait is not None:
            raise TooManyFailures(wait)

    def forget(self) -> None:
        """Forgets every remembered key, so that a revocation holds at once in this process."""
        self._remembered.clear()

    def _recall(self, secret: str) -> Caller | None:
        until, caller = self._remembered.get(digest(secret), (0.0, None))
        return caller if time.monotonic() < until else None

    def _ask(self, secret: str) -> Caller | None:
        with self._database.read() as session:
            caller = find_caller(session, secret)
        if caller is not None:
            if len(self._remembered) >= MOST_REMEMBERED:
                self._remembered.clear()
            self._remembered[digest(secret)] = time.monotonic() + REMEMBER_SECONDS, caller
        return caller

    def _ended(self, secret: str) -> bool:
        with self._database.read() as session:
            return has_ended(session, secret)


def secret_of(headers: Headers) -> str:
    """The key in the headers, or an empty text."""
    scheme, _, value = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    if key := headers.get("x-api-key"):
        return key.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value.strip(), validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return value.strip()
    return ""


def address_of(request: Request) -> str:
    """Where the request comes from."""
    return request.client.host if request.client else "unknown"


def acting(caller: Caller, headers: Headers) -> Caller:
    """The caller, or the owner for whom an admin's request says that it acts (``X-Act-For``), without admin's rights.

    A front that signs people in by other means than keys speaks for each of them so. Raises MissingScope for other
    keys, and NoOwner for a name that no owner can have.
    """
    owner = headers.get("x-act-for")
    if owner is None:
        return caller
    if not caller.may(Scope.ADMIN):
        raise MissingScope("This key may not act for another owner: it lacks the scope `admin`.")
    if not OWNER.fullmatch(owner):
        raise NoOwner("X-Act-For names an owner: at most 64 letters, digits, and any of . _ @ -")
    return Caller(caller.key, owner, frozenset(Scope) - {Scope.ADMIN}, admin=caller.owner)


def needs(scope: Scope | None) -> Callable[[Request], Awaitable[Caller]]:
    """A dependency that gives the caller, who has ``scope`` (``None``: any). It never touches the body."""

    async def caller(request: Request) -> Caller:
        gate: Gate = request.app.state.parts.gate
        found = acting(await gate.admit(request.headers, address_of(request)), request.headers)
        request.state.owner, request.state.actor = found.owner, found.admin
        # One key that acts for many counts for each of them by itself.
        note(request.scope, await request.app.state.parts.pace.take("key", f"{found.key}:{found.owner}"))
        if scope is not None and not found.may(scope):
            raise MissingScope(f"This key may not do that: it lacks the scope `{scope}`.")
        return found

    return caller


Anyone = Annotated[Caller, Depends(needs(None))]

Submitter = Annotated[Caller, Depends(needs(Scope.SUBMIT))]
Reader = Annotated[Caller, Depends(needs(Scope.READ))]
Reviewer = Annotated[Caller, Depends(needs(Scope.REVIEW))]
Admin = Annotated[Caller, Depends(needs(Scope.ADMIN))]
