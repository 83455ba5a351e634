"""What comes before a request: heads too large, too slow or unreadable, and many of them at once."""

import asyncio
import json
import selectors
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from lines import answers_of, connected, said, served

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


def problem_of(answer: bytes) -> tuple[int, str]:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"content-type: application/problem+json" in head.lower() and b"connection: close" in head.lower()
    told = json.loads(body)
    assert told["request_id"].encode() in head and told["status"] == int(head.split()[1])
    return told["status"], told["code"]


async def slowly(scope: Any, receive: Any, send: Any) -> None:
    """An application that answers in two pieces with a pause before (/late) or between them (/slow)."""
    if scope["type"] != "http":
        return
    late = scope["path"] == "/late"
    await asyncio.sleep(0.4 if late else 0)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"12")]})
    await send({"type": "http.response.body", "body": b"begin ", "more_body": True})
    await asyncio.sleep(0 if late else 0.4)
    await send({"type": "http.response.body", "body": b"finish", "more_body": False})


class VeryImpatient(Door):
    """The door with less patience than the application above has."""

    head_seconds = 0.2


@pytest.fixture(scope="module")
def slow() -> Iterator[SimpleNamespace]:
    """The door with the slow application behind it."""
    with served(slowly, VeryImpatient) as found:
        yield found


WHOLE = (200, b"begin finish")


@pytest.mark.parametrize("path", ["/slow", "/late"])
@pytest.mark.parametrize("before", [1, 3])
@pytest.mark.parametrize(
    "bad",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 70_000 + b"\r\n\r\nGET /slow HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /",  # and no more of it
    ],
)
def test_answers_that_are_owed_come_whole_before_the_line_is_closed(
    slow: Any, path: str, before: int, bad: bytes
) -> None:
    request = f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    with connected(slow) as connection:
        connection.sendall(request * before + bad)
        assert answers_of(said(connection)) == [WHOLE] * before


def test_a_bad_body_is_refused_in_its_turn(slow: Any) -> None:
    request = b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n"
    broken = b"POST /late HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n"
    with connected(slow) as connection:
        connection.sendall(request + broken)
        first, (status, body) = answers_of(said(connection))
        assert (first, status, json.loads(body)["code"]) == (WHOLE, 400, "bad_request")
    with connected(slow) as connection:
        connection.sendall(broken)
        assert problem_of(said(connection)) == (400, "bad_request")


def test_a_body_that_goes_bad_under_its_answer_ends_both(slow: Any) -> None:
    with connected(slow) as connection:
        connection.sendall(b"POST /slow HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        heard = connection.recv(65536)
        connection.sendall(b"nonsense\r\n")
        heard += said(connection)
        assert heard.startswith(b"HTTP/1.1 200") and heard.count(b"HTTP/1.1") == 1


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
