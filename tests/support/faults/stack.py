"""A Shoebox of several workers, kept running as the supervisor keeps it, and what the faults need to know of it."""

import os
import shutil
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Self, TypeVar

from running import API, CLASSIFY, CONTROL, REDIS, Running
from sqlalchemy.exc import SQLAlchemyError

from client.errors import ShoeboxError
from faults.ledger import Ledger
from faults.postgres import RestartablePostgres

WORKERS = (f"{CONTROL}-1", f"{CONTROL}-2", f"{CLASSIFY}-1", f"{CLASSIFY}-2")
SLOTS = (REDIS, API, *WORKERS)
TMPFS_MIB = 96
# At a tenth of the defaults all is over in seconds; these are for machines with much else to do.
UNTIL_UP = 120.0
LONGEST = 240.0

T = TypeVar("T")


class NotRecovered(AssertionError):
    """A fault was not got over in time."""


class Stack:
    """The processes, the ledger, and which jobs were hurt on purpose (``damaged``, ``canceled``).

    ``held_down``: slots that are not started again for now; ``taken``: processes that are frozen or about to stop;
    ``broken``: promises that were seen broken.
    """

    def __init__(self, running: Running, postgres: RestartablePostgres | None, small_disk: bool) -> None:
        self.running = running
        self.postgres = postgres
        self.small_disk = small_disk
        self.database = running.database
        self.ledger = Ledger(running.home / "ledger.jsonl")
        self.damaged: dict[str, str] = {}
        self.canceled: set[str] = set()
        self.held_down: set[str] = set()
        self.taken: set[int] = set()
        self.ended: Counter[str] = Counter()
        self.broken: list[str] = []
        self.turn = threading.Lock()
        self._stop = threading.Event()
        self._keeper = threading.Thread(target=self._keep, daemon=True)

    def start(self) -> Self:
        """Starts everything, waits until it is ready, and from then on starts again what ends."""
        self.running.start(*SLOTS)
        wait_for(self.running.is_ready, UNTIL_UP, f"everything is ready\n{self.running.logs()}")
        self._keeper.start()
        return self

    def close(self) -> None:
        """Ends the keeper; the processes are their owner's to end."""
        self._stop.set()
        if self._keeper.is_alive():
            self._keeper.join()
        self.ledger.close()

    @property
    def blobs(self) -> Path:
        """The folder of the uploads."""
        return Path(self.running.settings.blobs.removeprefix("file://"))

    def process(self, slot: str) -> subprocess.Popen[bytes]:
        """The slot's process at the moment."""
        return self.running.processes[slot]

    def renewed(self, slot: str, old: subprocess.Popen[bytes]) -> subprocess.Popen[bytes]:
        """The process that took the old one's place."""
        wait_for(lambda: self.process(slot) is not old, UNTIL_UP, f"{slot} was not started again")
        return self.process(slot)

    def _keep(self) -> None:
        while not self._stop.wait(0.2):
            for slot in SLOTS:
                if slot not in self.held_down and self.process(slot).poll() is not None:
                    self.ended[slot.partition("-")[0]] += 1
                    self.running.start(slot)


def small_disk(folder: Path) -> bool:
    """Makes ``folder`` a disk of a few megabytes in memory; False where that is not allowed."""
    folder.mkdir(parents=True)
    if os.geteuid() != 0 or shutil.which("mount") is None:
        return False
    options = ("-t", "tmpfs", "-o", f"size={TMPFS_MIB}m,mode=700")
    return subprocess.run(["mount", *options, "tmpfs", str(folder)], capture_output=True).returncode == 0


def release_disk(folder: Path) -> None:
    """Takes the small disk away again."""
    subprocess.run(["umount", "--lazy", str(folder)], check=True, capture_output=True)


def wait_for(true: Callable[[], bool], seconds: float, what: str) -> float:
    """Polls until ``true``, through whatever is away; the seconds that took. Raises NotRecovered."""
    began = time.monotonic()
    while True:
        try:
            if true():
                return time.monotonic() - began
        except (SQLAlchemyError, ShoeboxError):
            pass
        if time.monotonic() - began > seconds:
            raise NotRecovered(f"not within {seconds:.0f} s: {what}")
        time.sleep(0.05)


def patiently(ask: Callable[[], T]) -> T:
    """What ``ask`` returns, asked again while the database or the API is away. Raises NotRecovered."""
    answers: list[T] = []

    def asked() -> bool:
        answers.append(ask())
        return True

    wait_for(asked, LONGEST, "the database answers")
    return answers[0]
