"""Every process is stopped and started again in turn while photos come in: nothing is lost, nothing is judged twice."""

import signal
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import httpx
import pytest
from desk import at_once
from faults.audit import audit
from faults.ledger import Entry
from faults.look import nothing_waits, works
from faults.stack import UNTIL_UP, WORKERS, Stack, wait_for
from faults.traffic import archive
from ports import free_port
from running import API, REDIS, Running
from sqlalchemy import func, select

from db.schema import Job, Shard
from model.bundle import Bundle

APIS = (API, f"{API}-2")
ALL = [*APIS, *WORKERS]
SENDERS = 2
# What a stopped server does to who calls it: nobody listens, or the connection ends before it was heard.
UNHEARD = {"ConnectError", "ReadError", "RemoteProtocolError", "WriteError"}
# A process that was told to stop: in order, or (uvicorn) by the signal itself once all is done.
STOPPED = (0, -signal.SIGTERM)


class Callers:
    """Callers who send every job to both APIs at once, under one key, until each has taken it."""

    def __init__(self, stack: Stack, urls: list[str], photos: list[bytes]) -> None:
        self._stack = stack
        self._urls = urls
        self._photos = photos
        self._stop = threading.Event()
        self._threads = ThreadPoolExecutor(SENDERS)
        self._sending = [self._threads.submit(self._send_on, n) for n in range(SENDERS)]
        self.unheard: Counter[str] = Counter()

    def stop(self) -> None:
        """Ends after the job in hand; raises what a caller met that was more than not being heard."""
        self._stop.set()
        for sending in self._sending:
            sending.result()
        self._threads.shutdown()

    def _send_on(self, sender: int) -> None:
        number = 0
        while not self._stop.is_set():
            number += 1
            key = f"{sender}-{number}"
            names = [f"{key}-{n}.jpg" for n in range(1 + 7 * number % 20)]
            photos = {name: self._photos[n % len(self._photos)] for n, name in enumerate(names)}
            body = b"".join(archive(f"{key}.zip", photos).start())
            first, second = at_once(partial(self._submit, body, key), self._urls)
            assert first == second, f"one key, two jobs: {key}"
            self._stack.ledger.write(Entry(first, key, names))
            self._stop.wait(0.3)

    def _submit(self, body: bytes, key: str, url: str) -> str:
        headers = {
            "X-API-Key": self._stack.running.key,
            "Idempotency-Key": key,
            "Content-Type": "application/zip",
        }
        began = time.monotonic()
        while True:
            try:
                answer = httpx.post(f"{url}/v1/jobs", content=body, headers=headers, timeout=30)
            except httpx.TransportError as error:
                assert time.monotonic() - began < UNTIL_UP, f"{url} stays away"
                self.unheard[type(error).__name__] += 1
                time.sleep(0.1)
            else:
                assert answer.status_code == 202, answer.text
                return str(answer.json()["id"])


def roll(stack: Stack, slots: list[str], photos: list[bytes]) -> Callers:
    """Stops and starts the slots in turn beside callers; returns them when all that they sent has ended."""
    running = stack.running
    running.own[APIS[1]] = {"SHOEBOX_PORT": str(free_port())}
    urls = [running.settings.url, f"http://127.0.0.1:{running.own[APIS[1]]['SHOEBOX_PORT']}"]
    up: dict[str, Callable[[], bool]] = {
        slot: lambda slot=slot: works(stack.database, running.processes[slot].pid)  # type: ignore[misc]
        for slot in WORKERS
    } | {slot: lambda url=url: listens(url) for slot, url in zip(APIS, urls, strict=True)}  # type: ignore[misc]
    running.start(REDIS, *up)
    for slot, is_up in up.items():
        wait_for(is_up, UNTIL_UP, f"{slot} is up\n{running.logs()}")
    callers = Callers(stack, urls, photos)
    for slot in slots:
        assert running.kill(slot, signal.SIGTERM) in STOPPED, slot
        running.start(slot)
        wait_for(up[slot], UNTIL_UP, f"{slot} is back\n{running.logs()}")
    callers.stop()
    wait_for(lambda: nothing_waits(stack.database), 60, "every job ends")
    return callers


def listens(url: str) -> bool:
    """Whether an API answers there."""
    try:
        return httpx.get(f"{url}/health/live", timeout=2).status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.parametrize(
    ("database", "slots"),
    [
        ("sqlite", [API, WORKERS[0], WORKERS[-1]]),
        pytest.param("sqlite", ALL * 2, marks=[pytest.mark.long, pytest.mark.timeout(600)]),
        pytest.param("postgresql", ALL * 2, marks=[pytest.mark.long, pytest.mark.timeout(600)]),
    ],
    ids=["sqlite_one_of_each", "sqlite_all_twice", "postgresql_all_twice"],
)
def test_restarts_in_turn_lose_nothing(
    request: pytest.FixtureRequest, tiny_bundle: Bundle, photos: list[bytes], database: str, slots: list[str]
) -> None:
    server = request.getfixturevalue("postgres_to_restart") if database == "postgresql" else None
    with tempfile.TemporaryDirectory(prefix="sb-") as folder:
        running = Running(
            Path(folder) / "home",
            tiny_bundle,
            "" if server is None else server.create(),
            decoders=1,
            min_free_bytes=0,
            lease_seconds=30,
            idle_exit_seconds=30,
        )
        stack = Stack(running, server, small_disk=False)
        try:
            callers = roll(stack, slots, photos)
            found = audit(stack)
            with stack.database.read() as session:
                deaths = [session.scalar(select(func.sum(table.deaths))) for table in (Shard, Job)]
        finally:
            stack.close()
            running.close()
    assert found.broken == []
    assert found.figures["jobs accepted"] > 10
    # Who was told to stop handed back what it had: the others need not wait until its leases run out.
    assert deaths == [0, 0]
    assert callers.unheard.keys() <= UNHEARD
