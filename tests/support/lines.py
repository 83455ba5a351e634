"""Connections spoken to byte by byte, and a door with an application of the test's own behind it."""

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import uvicorn
from running import wait_until

from api.door import Door


def connected(api: Any) -> socket.socket:
    parts = urlsplit(api.url)
    return socket.create_connection((parts.hostname or "", parts.port or 0), timeout=10)


def said(connection: socket.socket) -> bytes:
    """All that comes until the other side closes."""
    found = b""
    try:
        while piece := connection.recv(65536):
            found += piece
    except ConnectionResetError:
        pass  # closed with something of ours unread
    return found


def answers_of(said: bytes) -> list[tuple[int, bytes]]:
    """The whole answers among these bytes, which must be nothing else: status and body of each."""
    found = []
    while said:
        head, _, rest = said.partition(b"\r\n\r\n")
        (length,) = re.findall(rb"content-length: (\d+)", head, re.I)
        assert head.startswith(b"HTTP/1.1 ") and len(rest) >= int(length), said
        found.append((int(head.split()[1]), rest[: int(length)]))
        said = rest[int(length) :]
    return found


@contextmanager
def served(application: Any, door: type[Door]) -> Iterator[SimpleNamespace]:
    """A door with an application behind it."""
    server = uvicorn.Server(uvicorn.Config(application, http=door, port=0, log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_until(lambda: server.started, 20)
    try:
        yield SimpleNamespace(url=f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}")
    finally:
        server.should_exit = True
        thread.join(20)
