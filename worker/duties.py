"""The threads that every worker process runs beside its work: heartbeat, sweep, watches on its hearing and its end."""

import os
import signal
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from threading import Event, Lock, Thread
from typing import NoReturn

import structlog
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from db.database import Database
from db.store import workers
from db.store.shards import Ability
from settings import Settings
from worker.senders import Hints
from worker.sweep import sweep

log = structlog.get_logger(__name__)

BEAT_SECONDS = 3.0

# A stop hands work back within so many seconds; what hangs beyond that is cut off, and its leases run out.
STOP_SECONDS = 5.0


def give_up() -> NoReturn:
    """Ends the process where memory ran out outside the network; whoever looks after it starts another.

    It could not even roll back: one that lived on kept SQLite's only write lock, and everybody waited for it.
    """
    try:
        log.critical("out_of_memory")
    finally:
        os._exit(1)


@dataclass
class Activity:
    """What the process is doing, shared between its threads. ``since`` is when it last became idle (monotonic)."""

    state: str = "starting"
    since: float = field(default_factory=time.monotonic)
    lock: Lock = field(default_factory=Lock)

    def become(self, state: str) -> None:
        """Changes the state."""
        with self.lock:
            self.state, self.since = state, time.monotonic()

    def idle_seconds(self) -> float:
        """How long the process has been idle; 0 when it is not."""
        with self.lock:
            return time.monotonic() - self.since if self.state == "idle" else 0.0


@dataclass(frozen=True)
class Duties:
    """Heartbeat and sweep of one process, until ``stop``.

    ``abilities`` says what it can judge with now, ``backend`` what it takes by itself; a control worker has none.
    ``has_work`` says whether anything is ready that it could do. ``queues`` are hinted at when its abilities change:
    work that nobody could do may be waiting.
    """

    settings: Settings
    database: Database
    hints: Hints
    name: str
    kind: str
    abilities: Callable[[], Collection[Ability]]
    backend: str | None
    queues: list[str]
    activity: Activity
    stop: Event
    has_work: Callable[[Session], bool]
    _known: set[Ability] = field(default_factory=set)

    def start(self) -> None:
        """Starts the threads; the first heartbeat is written before this returns."""
        Thread(target=self._cut_off, name="guard", daemon=True).start()
        self.beat()
        Thread(target=self._every, args=(BEAT_SECONDS, self.beat), name="heartbeat", daemon=True).start()
        Thread(
            target=self._every, args=(self.settings.sweep_seconds, self.look_after), name="sweep", daemon=True
        ).start()

    def beat(self) -> None:
        """Writes the heartbeat row."""
        now = set(self.abilities())
        with self.database.write() as session:
            workers.beat(session, self.name, self.kind, self.activity.state, now, self.backend)
        if now - self._known and self._known:
            for queue in self.queues:
                self.hints.hint(queue)
        self._known.clear()
        self._known.update(now)

    def look_after(self) -> None:
        """Sweeps in turn with the other processes, and ends a process that has stopped hearing hints."""
        sweep(self.database, self.hints, self.settings.sweep_seconds, self.settings.lease_seconds)
        if self.activity.idle_seconds() < self.settings.idle_exit_seconds:
            return
        with self.database.read() as session:
            waiting = self.has_work(session)
        # While Redis is away there is nothing to hear; once it is back, a whole sweep's hints went by unheard.
        if waiting and self.hints.alive() and not self.stop.wait(self.settings.sweep_seconds) and self._still_deaf():
            log.error("hints_unheard", idle_seconds=round(self.activity.idle_seconds()))
            os.kill(os.getpid(), signal.SIGTERM)

    def _still_deaf(self) -> bool:
        with self.database.read() as session:
            waiting = self.has_work(session)
        return waiting and self.activity.idle_seconds() >= self.settings.idle_exit_seconds

    def _every(self, seconds: float, duty: Callable[[], None]) -> None:
        while not self.stop.wait(seconds):
            try:
                duty()
            except SQLAlchemyError as error:
                log.warning("duty_postponed", duty=duty.__name__, error=type(error).__name__)
            except MemoryError:
                give_up()

    def _cut_off(self) -> None:
        """Celery itself may hang in a broker that is away; by now everything is settled or handed back."""
        self.stop.wait()
        time.sleep(STOP_SECONDS)
        os._exit(0)
