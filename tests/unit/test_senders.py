"""Hints: what goes over the wire, and that a broker which is away costs neither an error nor much time."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from kombu import Connection
from redis_server import running_redis

from settings import Settings
from worker import senders
from worker.senders import BULK, CONTROL, TASKS, Hints, done_channel


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    """Those of a Redis that runs."""
    with running_redis(tmp_path / "redis.sock") as (url, _):
        yield Settings(_env_file=None, redis_url=url)


@pytest.fixture
def hints(settings: Settings) -> Iterator[Hints]:
    """Sent to that Redis."""
    made = Hints(settings)
    yield made
    made.close()


@pytest.fixture
def seen(settings: Settings) -> Iterator[redis.Redis]:
    """The same Redis, to look into."""
    with redis.Redis.from_url(settings.redis) as connection:
        yield connection


@pytest.mark.parametrize("queue", list(TASKS))
def test_celery_reads_a_hint_as_a_task_without_arguments(settings: Settings, hints: Hints, queue: str) -> None:
    assert hints.hint(queue)
    with Connection(settings.broker) as broker, broker.SimpleQueue(queue) as waiting:
        message = waiting.get(timeout=5)
        assert message.headers["task"] == TASKS[queue]
        arguments, named, following = message.payload
        assert (arguments, named, following) == ([], {}, {})
        message.ack()


def test_no_two_hints_are_taken_for_one(hints: Hints, settings: Settings) -> None:
    assert hints.hint(BULK) and hints.hint(BULK)
    with Connection(settings.broker) as broker, broker.SimpleQueue(BULK) as waiting:
        first, second = waiting.get(timeout=5), waiting.get(timeout=5)
        assert first.headers["id"] != second.headers["id"]
        assert first.delivery_tag != second.delivery_tag
        first.ack()
        second.ack()


def test_beside_a_hint_that_nobody_has_read_no_other_is_sent(hints: Hints, seen: redis.Redis) -> None:
    assert hints.hint(BULK, alone=True) and hints.hint(BULK, alone=True)
    assert seen.llen(BULK) == 1
    assert hints.hint(CONTROL, alone=True) and seen.llen(CONTROL) == 1
    # Who means to wake several says so.
    assert hints.hint(CONTROL) and seen.llen(CONTROL) == 2
    assert seen.rpop(BULK)
    assert hints.hint(BULK, alone=True) and seen.llen(BULK) == 1


def test_hints_that_nobody_reads_are_gone_after_a_while(
    hints: Hints, seen: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(senders, "EXPIRES_SECONDS", 2)
    assert hints.hint(BULK) and hints.hint(CONTROL)
    time.sleep(1.2)
    # One that is wanted again is as young as a new one, or whoever took it for that would not be heard.
    assert hints.hint(BULK, alone=True)
    time.sleep(1.2)
    assert seen.llen(BULK) == 1 and seen.llen(CONTROL) == 0


def test_hints_go_on_after_redis_forgot_everything(hints: Hints, seen: redis.Redis) -> None:
    assert hints.hint(BULK, alone=True)
    seen.flushall()
    seen.script_flush()
    assert hints.hint(BULK, alone=True) and seen.llen(BULK) == 1


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
