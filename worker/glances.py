"""How often a worker in the middle of its work looks for small jobs, which go first."""

import time

# Between two glances at the interactive lane, at least: while somebody sends small jobs, and after so long without one.
ASK_SECONDS, RARELY_SECONDS, CALM_SECONDS = 0.02, 0.1, 5.0


class Glances:
    """The times of one worker's glances."""

    def __init__(self) -> None:
        self._asked = time.monotonic()
        self._paid_off = self._asked - CALM_SECONDS

    def begin(self) -> None:
        """Work begins: what waits for it was just looked at."""
        self._asked = time.monotonic()

    def due(self) -> bool:
        """Whether it is time for one, which then begins now."""
        now = time.monotonic()
        pause = ASK_SECONDS if now - self._paid_off < CALM_SECONDS else RARELY_SECONDS
        if now - self._asked < pause:
            return False
        self._asked = now
        return True

    def paid_off(self) -> None:
        """There was a small job: others may follow soon."""
        self._paid_off = self._asked
