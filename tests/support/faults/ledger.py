"""The ledger: what the server said it had accepted, kept where no fault reaches it."""

import json
import os
import threading
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Entry:
    """One 202: the job, the idempotency key it was sent with, and the photos' names in the order of their positions."""

    job: str
    key: str
    photos: list[str]


class Ledger:
    """A file with one line per accepted submission, on the disk before the sender goes on."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a")
        self._path = path
        self._lock = threading.Lock()

    def write(self, entry: Entry) -> None:
        """Adds a line and waits for the disk."""
        with self._lock:
            self._file.write(json.dumps(asdict(entry)) + "\n")
            self._file.flush()
            os.fsync(self._file.fileno())

    def read(self) -> list[Entry]:
        """Every line, from the disk."""
        return [Entry(**json.loads(line)) for line in self._path.read_text().splitlines()]

    def close(self) -> None:
        """Closes the file."""
        self._file.close()
