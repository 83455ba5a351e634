"""Sends hints beside other work: a Redis that hangs delays no answer and no batch, and holds no thread of a pool."""

import threading

from worker.senders import Hints

STOP_SECONDS = 2.0


class Hinter:
    """One thread that sends what is wanted. Equal hints that wait are one: a hint only says "there may be work"."""

    def __init__(self, hints: Hints) -> None:
        self._hints = hints
        self._wanted: set[str] = set()
        self._stopping = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="hints", daemon=True)
        self._thread.start()

    def want(self, queue: str) -> None:
        """Says that ``queue`` may have work, soon and best effort."""
        with self._changed:
            self._wanted.add(queue)
            self._changed.notify()

    def close(self) -> None:
        """Sends what still waits, for a few seconds at most; the sweep sends the rest."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join(STOP_SECONDS)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._wanted or self._stopping)
                if not self._wanted:
                    return
                queue = self._wanted.pop()
            self._hints.hint(queue, alone=True)
