"""A word to the person who waits for a job that does not move."""

import time
from typing import TYPE_CHECKING

from cli.output import note, own_name, plain

if TYPE_CHECKING:
    from client.client import Client
    from client.values import JobView

STILL_SECONDS = 20.0


class Patience:
    """Watches a job's progress; when it stands still, asks once in a while which part is missing and says so."""

    def __init__(self, client: "Client") -> None:
        self._client = client
        self._done = -1
        self._moved = time.monotonic()

    def look(self, job: "JobView") -> None:
        """Takes note of the job as it is now."""
        if job.counts.done != self._done:
            self._done, self._moved = job.counts.done, time.monotonic()
        elif time.monotonic() - self._moved > STILL_SECONDS:
            self._moved = time.monotonic()
            self._explain()

    def _explain(self) -> None:
        from client.errors import ShoeboxError

        try:
            parts = self._client.health()["parts"].values()
        except (ShoeboxError, KeyError):
            return
        ill = [plain(str(part["detail"])) for part in parts if part["status"] != "ok"]
        if ill:
            note(f"still waiting: {' '.join(ill)} What runs: {own_name()} status; why it does not: {own_name()} logs")
