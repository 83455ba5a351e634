"""How many pictures go through the network at once, where memory is short and when it is no longer."""

import time
from collections.abc import Callable

# A smaller batch costs a little speed, a batch that fails costs its whole time: growing back can wait.
PAUSE_SECONDS = 60.0
LONGEST_PAUSE = 960.0


class Room:
    """Starts at ``most``. Halved by each `lacking`; doubled again after a pause without one.

    A pause is twice as long as the one before where the room that came back was lacking again.
    """

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._size = most
        self._clock = clock
        self._changed = clock()
        self._pause = PAUSE_SECONDS
        self._grown = False

    @property
    def size(self) -> int:
        """Pictures in the next batch, at most."""
        if self._size < self._most and self._clock() - self._changed >= self._pause:
            self._size = min(self._most, 2 * self._size)
            self._changed, self._grown = self._clock(), True
        return self._size

    def lacking(self, tried: int) -> None:
        """There was no memory for so many at once."""
        if self._grown:
            self._pause = min(LONGEST_PAUSE, 2 * self._pause)
        self._size = max(1, min(self._size, tried // 2))
        self._changed, self._grown = self._clock(), False
