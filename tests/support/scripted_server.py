"""A real, small HTTP server that says what a test tells it to, and the JSON that Shoebox would say."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit


class Request(NamedTuple):
    """What the server received."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: Message
    body: bytes


class Answer(NamedTuple):
    """What it says."""

    status: int
    body: Any = None
    headers: dict[str, str] = {}  # noqa: RUF012  (never changed)


class Server(ThreadingHTTPServer):
    """Answers by a function and keeps what was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[Request] = []
        self.answer: Callable[[Request], Answer] = lambda request: Answer(404, {"detail": "no such page"})

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def serving() -> Iterator[Server]:
    """A server in a thread of its own."""
    with Server() as found:
        thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield found
        found.shutdown()
        thread.join()


class Handler(BaseHTTPRequestHandler):
    """Reads a whole request, chunked or not."""

    protocol_version = "HTTP/1.1"
    server: Server

    def handle_any(self) -> None:
        parts = urlsplit(self.path)
        request = Request(self.command, parts.path, parse_qs(parts.query), self.headers, self._body())
        self.server.asked.append(request)
        answer = self.server.answer(request)
        data = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_DELETE = handle_any  # noqa: N815

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def log_message(self, format: str, *args: object) -> None:
        """Tests are quiet."""


def job(state: str = "running", **changes: Any) -> dict[str, Any]:
    counts = dict.fromkeys(("pending", "accepted", "rejected", "failed", "canceled", "skipped"), 0)
    return {
        "id": "J1",
        "state": state,
        "outcome": None,
        "model": {"name": "scenes", "version": "1"},
        "error": None,
        "counts": {"total": None, **counts},
        "sources": [{"name": "a.zip", "kind": "zip", "bytes": 3, "state": "waiting", "error": None, "message": None}],
        "rate": None,
        "eta_seconds": None,
        "submitted_at": "2026-01-31T09:30:00.000Z",
        "started_at": None,
        "finished_at": None,
        **changes,
    }


def item(position: int) -> dict[str, Any]:
    return {
        "id": f"J1-{position}",
        "job": "J1",
        "position": position,
        "name": "a.jpg",
        "decision": "accepted",
        "reason": None,
        "explanation": "It is a sea.",
        "label": "sea",
        "confidence": 0.9,
        "tags": [{"label": "sea", "confidence": 0.9}],
        "model": {"name": "scenes", "version": "1"},
        "review": None,
    }
