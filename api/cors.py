"""What a page of another origin may do: send an upload with a ticket, and read the answer. Nothing else."""

from collections.abc import Collection
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

PATH = "/v1/jobs"
# How long a browser may remember the answer to its preflight, in seconds.
REMEMBER_SECONDS = "600"


class Cors:
    """Around everything, so that refusals of every layer can be read by the page that is refused."""

    def __init__(self, app: ASGIApp, origins: Collection[str]) -> None:
        self._app = app
        self._origins = frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        if scope["type"] != "http" or scope["path"] != PATH or not (_preflight(scope) or _ticketed(scope)):
            await self._app(scope, receive, send)
            return
        origin = Headers(scope=scope).get("origin", "")

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.add_vary_header("Origin")
                if origin in self._origins:
                    _allow(headers, origin, _preflight(scope))
            await send(message)

        await self._app(scope, receive, dressed)


def _preflight(scope: Scope) -> bool:
    return bool(scope["method"] == "OPTIONS")


def _ticketed(scope: Scope) -> bool:
    return scope["method"] == "POST" and "ticket" in parse_qs(
        scope["query_string"].decode("latin-1"), keep_blank_values=True
    )


def _allow(headers: MutableHeaders, origin: str, preflight: bool) -> None:
    headers["Access-Control-Allow-Origin"] = origin
    if preflight:
        headers["Access-Control-Allow-Methods"] = "POST"
        headers["Access-Control-Allow-Headers"] = "Content-Type, Idempotency-Key"
        headers["Access-Control-Max-Age"] = REMEMBER_SECONDS
    else:
        headers["Access-Control-Expose-Headers"] = "Location, X-Request-ID, Retry-After"
