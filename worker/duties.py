"""The threads that every worker process runs beside its work: heartbeat, sweep, and the watch on its own hearing."""

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event, Lock, Thread

import structlog
from sqlalchemy.exc import SQLAlchemyError

from db.database import Database
from db.store import sweep as store
from db.store import workers
from worker.senders import Hints
from worker.sweep import sweep

log = structlog.get_logger(__name__)

BEAT_SECONDS = 3.0


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
    """Heartbeat and sweep of one process, until ``stop``."""

    database: Database
    hints: Hints
    name: str
    kind: str
    models: list[tuple[str, str]]
    backend: str | None
    activity: Activity
    stop: Event
    sweep_seconds: float
    lease_seconds: float
    idle_exit_seconds: float
    has_work: Callable[[store.Waiting], int]

    def start(self) -> None:
        """Starts the threads; the first heartbeat is written before this returns."""
        self.beat()
        Thread(target=self._every, args=(BEAT_SECONDS, self.beat), name="heartbeat", daemon=True).start()
        Thread(target=self._every, args=(self.sweep_seconds, self.look_after), name="sweep", daemon=True).start()

    def beat(self) -> None:
        """Writes the heartbeat row."""
        with self.database.write() as session:
            workers.beat(session, self.name, self.kind, self.activity.state, self.models, self.backend)

    def look_after(self) -> None:
        """Sweeps in turn with the other processes, and ends a process that has stopped hearing hints."""
        sweep(self.database, self.hints, self.sweep_seconds, self.lease_seconds)
        if self.activity.idle_seconds() < self.idle_exit_seconds:
            return
        with self.database.read() as session:
            waiting = self.has_work(store.waiting(session))
        # While Redis is away there is nothing to hear; once it is back, a whole sweep's hints went by unheard.
        if waiting and self.hints.alive() and not self.stop.wait(self.sweep_seconds) and self._still_deaf():
            log.error("hints_unheard", idle_seconds=round(self.activity.idle_seconds()), waiting=waiting)
            os.kill(os.getpid(), signal.SIGTERM)

    def _still_deaf(self) -> bool:
        with self.database.read() as session:
            waiting = self.has_work(store.waiting(session))
        return bool(waiting) and self.activity.idle_seconds() >= self.idle_exit_seconds

    def _every(self, seconds: float, duty: Callable[[], None]) -> None:
        while not self.stop.wait(seconds):
            try:
                duty()
            except SQLAlchemyError as error:
                log.warning("duty_postponed", duty=duty.__name__, error=type(error).__name__)
