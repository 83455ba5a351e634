"""Before the routes: is this server meant, and has the address made its share of requests?"""

from collections.abc import Collection

import structlog
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from api.errors import answer_to
from api.hosts import WrongHost, check_host
from api.pace import TooManyRequests, network_of, note
from api.quiet import Quiet

log = structlog.get_logger(__name__)


class Gateway:
    """``hosts`` are the names of this server; None: any. Health and metrics have neither limit."""

    def __init__(self, app: ASGIApp, hosts: Collection[str] | None, quiet: Quiet) -> None:
        self._app = app
        self._hosts = hosts
        self._quiet = quiet

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        if scope["type"] != "http" or scope["path"].startswith(("/health/", "/metrics")):
            await self._app(scope, receive, send)
            return
        address = (scope.get("client") or ("unknown",))[0]
        host = Headers(scope=scope).get("host", "")
        try:
            check_host(host, self._hosts)
            if scope["path"].startswith("/v1/"):
                note(scope, await scope["app"].state.parts.pace.take("address", network_of(address)))
        except (WrongHost, TooManyRequests) as error:
            if isinstance(error, WrongHost):
                self._quiet.say(log.warning, "host_refused", address=address, host=host[:200])
            await answer_to(scope, error)(scope, receive, send)
            return
        await self._app(scope, receive, send)
