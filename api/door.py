"""The door: what a connection may cost before there is a request. Beyond it, an answer in words and a closed line."""

import json
from asyncio import TimerHandle
from typing import Any

import structlog
from starlette.responses import Response
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from api.problems import HEADERS, MEDIA_TYPE, described
from db.ids import new_id

log = structlog.get_logger(__name__)

# Read at once, where asyncio reads 256 KiB: receiving 1.3 GB takes the event loop 0.75 s instead of 1.05 s.
RECEIVED_BYTES = 2**20


class Door(HttpToolsProtocol):
    """uvicorn's protocol with a limit on a request's head and on the time it may take to come.

    ``head_bytes`` is for address and headers together, ``head_seconds`` from the first byte (of a new connection: from
    its opening) to the empty line after the headers. What comes after, bodies, has limits of its own (api/body.py).
    """

    head_bytes = 64 * 1024
    head_seconds = 10.0

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._received = 0
        self._kept = 0
        self._in_head = False
        self._refused = False
        self._deadline: TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Starts the clock: a connection that says nothing is closed too."""
        super().connection_made(transport)
        if hasattr(transport, "max_size"):  # asyncio's own; other event loops have other ways
            transport.max_size = RECEIVED_BYTES
        self._start_clock()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stops it."""
        self._stop_clock()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Reads on. A head is counted piece by piece, for its parser keeps a header whole until it ends."""
        if self._refused:
            return
        if self._in_head:
            self._received += len(data)
        super().data_received(data)
        if self._over:
            return
        if self._in_head and self._received > self.head_bytes:
            self._too_large()
        elif not self._in_head and self._deadline is None and self._idle:
            # Bytes that are no request, line ends for instance, must not keep a connection open.
            self._start_clock()

    @property
    def _idle(self) -> bool:
        return self.cycle is None or (self.cycle.response_complete and not self.cycle.more_body)

    @property
    def _over(self) -> bool:
        return self._refused or self.transport.is_closing()

    def on_message_begin(self) -> None:
        """A head begins."""
        if self._over:
            return
        super().on_message_begin()
        self._in_head, self._received, self._kept = True, 0, 0
        if self._deadline is None:
            self._start_clock()

    def on_url(self, url: bytes) -> None:
        """Counts it."""
        if not self._over:
            super().on_url(url)
            self._keep(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Counts it with what stands around it."""
        if not self._over:
            super().on_header(name, value)
            self._keep(len(name) + len(value) + 4)

    def on_headers_complete(self) -> None:
        """The head is complete; from here on others watch."""
        if not self._over:
            self._in_head = False
            self._stop_clock()
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Nothing is read on of a request that was refused."""
        if self._over:
            return
        held = self.cycle.body
        if not held:
            # As it is: uvicorn copies it into a buffer and out again, 0.15 s of the 1.8 s that 1.3 GB take.
            self.cycle.body, body = body, b""  # type: ignore[assignment]  # nobody changes what is held
        elif isinstance(held, bytes):
            # More before it was read: many small chunks must not be copied for each of them.
            self.cycle.body = bytearray(held)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Neither is its end."""
        if not self._over:
            super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """What the parser cannot read, as a problem like any other."""
        if not self._over:
            self._refuse(400, "bad_request", "This is no HTTP request that can be read.")

    def _keep(self, size: int) -> None:
        self._kept += size
        if self._kept > self.head_bytes:
            self._too_large()

    def _too_large(self) -> None:
        if len(self.url) > self.head_bytes // 2:
            self._refuse(414, "address_too_long", "The address is longer than this server takes.")
        else:
            self._refuse(431, "headers_too_large", f"The headers are larger than {self.head_bytes // 1024} KiB.")

    def _start_clock(self) -> None:
        self._stop_clock()
        self._deadline = self.loop.call_later(self.head_seconds, self._too_late)

    def _stop_clock(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_late(self) -> None:
        self._deadline = None
        if self._over:
            return
        if self._in_head:
            self._refuse(408, "too_slow", f"The request's head did not come within {self.head_seconds:g} seconds.")
        else:
            self.transport.close()

    def _refuse(self, status: int, code: str, detail: str) -> None:
        """Answers in words and closes; where answers to earlier requests are owed, those come whole before."""
        request_id = new_id()
        log.warning("refused_at_door", request_id=request_id, code=code, address=(self.client or ("unknown",))[0])
        if "traffic" in self.app_state:
            self.app_state["traffic"].refused(code)
        self._refused = True
        self._stop_clock()
        answer = Response(
            json.dumps(described(status, code, detail, request_id)).encode(),
            status,
            {"X-Request-ID": request_id, **HEADERS, "Cache-Control": "no-store", "Connection": "close"},
            MEDIA_TYPE,
        )
        if self._in_head and not self._idle:
            # What was read last is the last that is answered.
            self.cycle.keep_alive = False
        elif self.pipeline:
            # The request with the bad body waits for others: its turn is for the refusal.
            self.pipeline[0] = self.cycle, answer  # type: ignore[assignment]  # the same thing in other words
        elif self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete:
            self.transport.close()
        else:
            if self.cycle is not None:
                self.cycle.disconnected = True  # nobody else answers any more
                self.cycle.message_event.set()
            head = b"".join(b"%s: %s\r\n" % header for header in answer.raw_headers)
            self.transport.write(STATUS_LINE[status] + head + b"\r\n" + answer.body)
            self.transport.close()
