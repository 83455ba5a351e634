"""Around every request: its id, its line in the log, its headers, and an answer when the code fails."""

import re
import time
from functools import partial
from typing import Any

import anyio
import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import problem
from api.pace import headers_of
from api.problems import HEADERS
from api.quiet import Quiet
from api.traffic import Traffic
from db.ids import new_id

log = structlog.get_logger(__name__)

_SANE_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
# How long a refused upload is read on, so that its sender sees the refusal and not a broken connection.
LINGER_SECONDS = 2.0
_TURNED_AWAY = frozenset({401, 421, 429})


def _request(**said: Any) -> None:
    log.info("request", **said)


class Frame:
    """The outermost layer, plain ASGI: bodies pass through it untouched and unbuffered."""

    def __init__(self, app: ASGIApp, traffic: Traffic, quiet: Quiet) -> None:
        self._app = app
        self._quiet = quiet
        self._traffic = traffic

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if _SANE_ID.fullmatch(given) else new_id()
        scope.setdefault("state", {})["request_id"] = request_id
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        exchange = _Exchange(scope, receive, send, request_id)
        began = time.perf_counter()
        try:
            await self._app(scope, exchange.receive, exchange.send)
        except Exception:
            log.exception("request_failed")
            if exchange.status:
                raise
            answer = problem(scope, 500, "internal_error", "Something went wrong here; the log has the details.")
            await answer(scope, exchange.receive, exchange.send)
        finally:
            self._note(scope, exchange.status, time.perf_counter() - began)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "none")
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self._traffic.count(method, route, status, seconds)
        state = scope["state"]
        # Who is turned away often is told of so often only.
        say = partial(self._quiet.say, log.info, "request") if status in _TURNED_AWAY else _request
        say(
            address=(scope.get("client") or ("unknown",))[0],
            method=method,
            path=scope["path"],
            status=status,
            ms=round(seconds * 1000, 1),
            owner=state.get("owner"),
            code=state.get("code"),
            # Whose key it was, where that is another's: an admin who acted for the owner.
            **({"actor": state["actor"]} if state.get("actor") else {}),
        )


class _Exchange:
    """One request's two directions: knows whether the body was read to its end and what was answered."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> None:
        self._receive, self._send = receive, send
        self._request_id = request_id
        headers = Headers(scope=scope)
        has_body = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
        self._body_left = has_body
        # Its sender waits for our leave to begin, and a refusal is no such leave.
        self._held_back = headers.get("expect", "").lower() == "100-continue"
        self._private = scope["path"].startswith(("/v1/", "/health/", "/metrics"))
        self._encrypted = scope["scheme"] == "https"
        self._state = scope["state"]
        self.status = 0

    async def receive(self) -> Message:
        """The next part of the request."""
        self._held_back = False
        message = await self._receive()
        if message["type"] == "http.disconnect" or not message.get("more_body", False):
            self._body_left = False
        return message

    async def send(self, message: Message) -> None:
        """The next part of the answer."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self._dress(message)
        elif self._body_left and not message.get("more_body", False):
            await self._send({**message, "more_body": True})
            await self._linger()
            message = {"type": "http.response.body", "body": b"", "more_body": False}
        await self._send(message)

    def _dress(self, message: Message) -> None:
        headers = MutableHeaders(scope=message)
        headers["X-Request-ID"] = self._request_id
        for name, value in HEADERS.items():
            headers.setdefault(name, value)
        if self._encrypted:
            headers["Strict-Transport-Security"] = "max-age=31536000"
        for name, value in headers_of(self._state["pace"]).items() if "pace" in self._state else ():
            headers[name] = value
        if self._private and "etag" not in headers:
            headers.setdefault("Cache-Control", "no-store")
        if self._body_left:
            headers["Connection"] = "close"

    async def _linger(self) -> None:
        """The refusal is out; what still comes is dropped for a moment before the connection is closed."""
        if self._held_back:
            return
        with anyio.move_on_after(LINGER_SECONDS):
            while self._body_left:
                dropped: Any = await self.receive()
                del dropped
