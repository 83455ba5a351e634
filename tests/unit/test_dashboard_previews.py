"""Previews, against a real, small HTTP server: what may yet come is asked for again, and nothing else."""

import math
from collections import Counter
from collections.abc import Iterator

import pytest
from scripted_server import Answer, Server, serving

from client.client import Client
from dashboard.parts.previews import MOST, Kept, fetched

SIDE = 320


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as found:
        yield found


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with Client(server.url, "secret", patience=0) as found:
        yield found


def asked(server: Server) -> Counter[str]:
    return Counter(request.path.split("/")[3] for request in server.asked)


@pytest.mark.parametrize("status", [404, 410, 422])
def test_what_is_gone_for_good_is_asked_for_once(server: Server, client: Client, status: int) -> None:
    server.answer = lambda request: Answer(200, b"jpeg") if "/a/" in request.path else Answer(status, {})
    kept: Kept = {}
    for _ in range(2):
        assert fetched(kept, client, ["a", "b"], SIDE) == {"a": "data:image/jpeg;base64,anBlZw==", "b": None}
    assert asked(server) == {"a": 1, "b": 1}
    assert {until for _, until in kept.values()} == {math.inf}


@pytest.mark.parametrize("status", [401, 429, 500, 503])
def test_what_may_yet_come_is_asked_for_again_after_a_while(server: Server, client: Client, status: int) -> None:
    server.answer = lambda request: Answer(status, {})
    kept: Kept = {}
    for _ in range(2):
        assert fetched(kept, client, ["a"], SIDE) == {"a": None}
    assert asked(server) == {"a": 1}
    kept["a", SIDE] = None, 0.0  # as if the while were over
    server.answer = lambda request: Answer(200, b"jpeg")
    assert fetched(kept, client, ["a"], SIDE)["a"] is not None
    assert asked(server) == {"a": 2}


def test_a_server_that_is_away_is_asked_again_too(server: Server, client: Client) -> None:
    kept: Kept = {}
    with Client("http://127.0.0.1:9", "secret", patience=0) as away:
        assert fetched(kept, away, ["a"], SIDE) == {"a": None}
    assert kept["a", SIDE][1] < math.inf


def test_not_too_many_are_kept(server: Server, client: Client) -> None:
    server.answer = lambda request: Answer(200, b"jpeg")
    kept: Kept = {(str(n), SIDE): ("", math.inf) for n in range(MOST + 1)}
    assert len(fetched(kept, client, ["1"], SIDE)) == len(kept) == 1
