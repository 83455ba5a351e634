"""Bodies of requests that are no uploads: read whole before anything else, within a size and a time."""

from collections.abc import Collection

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.body import ClientGone, TooLarge, TooSlow, body_of
from api.errors import answer_to

# A review of 500 photos has about 50 KB, a job's 4,000 labels about 100 KB.
MOST_BYTES = 2**20
IDLE_SECONDS = 10.0


class SmallBodies:
    """In front of the routes, which read JSON without a limit of their own; ``uploads`` are paths that stream."""

    def __init__(self, app: ASGIApp, uploads: Collection[str]) -> None:
        self._app = app
        self._uploads = frozenset(uploads)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        if scope["type"] != "http" or scope["path"] in self._uploads:
            await self._app(scope, receive, send)
            return
        try:
            body = b"".join([piece async for piece in body_of(Request(scope, receive), MOST_BYTES, IDLE_SECONDS)])
        except (TooLarge, TooSlow, ClientGone) as error:
            await answer_to(scope, error)(scope, receive, send)
            return
        given = False

        async def replay() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, replay, send)
