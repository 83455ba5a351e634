"""Hints: what goes over the wire, and that a broker which is away costs neither an error nor much time."""

import base64
import json
import socket
import threading
import time
from collections.abc import Iterator

import pytest
import redis
from fakeredis import TcpFakeServer

from settings import Settings
from worker import senders
from worker.senders import BULK, CONTROL, TASKS, Hints, done_channel


@pytest.fixture
def url() -> Iterator[str]:
    """A Redis that can be spoken to."""
    server = TcpFakeServer(("127.0.0.1", 0))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"redis://127.0.0.1:{server.server_address[1]}/0"
    server.shutdown()
    server.server_close()
    thread.join(5)


def test_a_hint_names_a_task_and_carries_nothing_else(url: str) -> None:
    hints = Hints(Settings(_env_file=None, redis_url=url))
    assert hints.hint(BULK)
    with redis.Redis.from_url(url) as seen:
        (message,) = [json.loads(raw) for raw in seen.lrange(BULK, 0, -1)]
    assert message["headers"]["task"] == TASKS[BULK]
    arguments, named, _ = json.loads(base64.b64decode(message["body"]))
    assert (arguments, named) == ([], {})
    assert message["content-type"] == "application/json"
    hints.close()


def test_beside_a_hint_that_nobody_has_read_no_other_is_sent(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    hints, other = (Hints(Settings(_env_file=None, redis_url=url)) for _ in range(2))
    with redis.Redis.from_url(url) as seen:
        assert hints.hint_once(BULK) and hints.hint_once(BULK)
        assert seen.llen(BULK) == 1
        assert hints.hint_once(CONTROL) and seen.llen(CONTROL) == 1
        # Of a hint that somebody else sent it is not known how old it is.
        assert other.hint_once(BULK) and seen.llen(BULK) == 2
        # Who means to wake several says so.
        assert hints.hint(CONTROL) and seen.llen(CONTROL) == 2
        seen.delete(BULK)
        assert hints.hint_once(BULK) and seen.llen(BULK) == 1
        # One that lies there for long may be thrown away by who takes it.
        monkeypatch.setattr(senders, "FRESH_SECONDS", 0)
        assert hints.hint_once(BULK) and seen.llen(BULK) == 2
    hints.close()
    other.close()


def test_a_broker_that_is_away_costs_neither_an_error_nor_time() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    hints = Hints(Settings(_env_file=None, redis_url=f"redis://127.0.0.1:{port}/0"))
    began = time.monotonic()
    assert not hints.hint(BULK)
    hints.done("01JOB")
    assert not hints.alive()
    assert time.monotonic() - began < 3
    assert done_channel("01JOB").endswith("01JOB")
    hints.close()
