"""What comes before a request: heads too large, too slow or unreadable, and many of them at once."""

import json
import selectors
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from api.door import Door
from settings import Settings

SLOW = 200


class Impatient(Door):
    """The door with a shorter patience, so that tests need not wait."""

    head_seconds = 1.0


@pytest.fixture(scope="module")
def door(home: Path, serve: Callable[..., Any]) -> Iterator[Any]:
    with serve(Settings(_env_file=None, data_dir=home, model="tiny", min_free_bytes=1), http=Impatient) as found:
        yield found


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


def problem_of(answer: bytes) -> tuple[int, str]:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"content-type: application/problem+json" in head.lower() and b"connection: close" in head.lower()
    told = json.loads(body)
    assert told["request_id"].encode() in head and told["status"] == int(head.split()[1])
    return told["status"], told["code"]


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 70_000 + b"\r\n\r\n", 431, "headers_too_large"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 300_000, 431, "headers_too_large"),
        (b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: 1\r\n" % n for n in range(9000)) + b"\r\n", 431, "headers_too_large"),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414, "address_too_long"),
        (b"GET /?q=" + b"a" * 300_000, 414, "address_too_long"),
        (b"nonsense\r\n\r\n", 400, "bad_request"),
        (b"GET / HTTP/1.1\r\nHost x\r\n\r\n", 400, "bad_request"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: \x00\r\n\r\n", 400, "bad_request"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400, "bad_request"),
        (b"GET /health/live HTTP/1.1\r\nHost: x\r\nX: ", 408, "too_slow"),
    ],
)
def test_heads_that_are_no_good_are_refused_in_words(door: Any, sent: bytes, status: int, code: str) -> None:
    with connected(door) as connection:
        connection.sendall(sent)
        assert problem_of(said(connection)) == (status, code)


def test_a_large_head_within_the_limit_is_read(door: Any) -> None:
    assert httpx.get(f"{door.url}/health/live", headers={"X-Long": "a" * 60_000}).status_code == 200


def test_a_connection_that_says_nothing_is_closed(door: Any) -> None:
    began = time.monotonic()
    with connected(door) as connection:
        assert said(connection) == b""
    assert time.monotonic() - began < 3


def test_line_ends_keep_no_connection_open(door: Any) -> None:
    began = time.monotonic()
    with connected(door) as connection:
        connection.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
        with pytest.raises((ConnectionError, TimeoutError)):
            while time.monotonic() - began < 8:
                connection.sendall(b"\r\n")
                time.sleep(0.1)
            raise AssertionError("it is still open")
    assert time.monotonic() - began < 5


def test_many_slow_heads_are_closed_and_health_stays_quick(door: Any) -> None:
    """A slow-loris: hundreds of heads that come byte by byte."""
    with ExitStack() as stack, selectors.DefaultSelector() as open_ones:
        for _ in range(SLOW):
            connection = stack.enter_context(connected(door))
            connection.sendall(b"GET /health/live HTTP/1.1\r\n")
            open_ones.register(connection, selectors.EVENT_READ)
        slowest, began = 0.0, time.monotonic()
        while open_ones.get_map() and time.monotonic() - began < 20:
            for key, _ in open_ones.select(0):
                open_ones.unregister(key.fileobj)
            for key in list(open_ones.get_map().values()):
                try:
                    key.fileobj.send(b"X")  # type: ignore[union-attr]
                except OSError:
                    open_ones.unregister(key.fileobj)
            asked = time.monotonic()
            assert httpx.get(f"{door.url}/health/live", timeout=10).status_code == 200
            slowest = max(slowest, time.monotonic() - asked)
            time.sleep(0.1)
        assert not open_ones.get_map(), "slow connections are still open"
        assert slowest < 2


def test_small_bodies_have_a_limit_before_anybody_reads_them(door: Any) -> None:
    for path in ("/v1/reviews", "/v1/keys", "/v1/jobs/x/retry", "/nowhere"):
        answer = httpx.post(
            f"{door.url}{path}", content=b"[" * (2**20 + 1), headers={"Content-Type": "application/json"}
        )
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large"), path


def test_a_small_body_without_a_length_is_counted_as_it_comes(door: Any) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(200):
            yield b"x" * 65536

    answer = httpx.post(f"{door.url}/v1/reviews", content=endless())
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_the_methods_of_an_address_are_all_named(door: Any) -> None:
    answer = httpx.put(f"{door.url}/v1/keys")
    assert answer.status_code == 405 and answer.headers["Allow"] == "GET, POST"
    assert answer.json()["code"] == "method_not_allowed"
    nested = f"{door.url}/v1/items/01JZ8Q4T9M6W3V5X7Y2A1B0C4D-0/review"
    assert httpx.get(nested).headers["Allow"] == "DELETE, POST"
