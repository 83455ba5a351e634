"""How many pictures go through the network at once, where memory is short and when it is no longer."""

import mmap
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

# A smaller batch costs a little speed, a batch that fails costs its whole time: growing back can wait.
PAUSE_SECONDS = 60.0
LONGEST_PAUSE = 960.0

# A runtime keeps what it once took. The process needs some afterwards, if only 8 MiB of addresses for each thread:
# without this, a worker whose addresses are limited found out its batch and then could start no thread, each time.
RESERVE_BYTES = 64 * 2**20


@contextmanager
def reserve() -> Iterator[None]:
    """Keeps `RESERVE_BYTES` of addresses from whatever runs within, for the process to have afterwards."""
    with ExitStack() as kept:
        with suppress(OSError):  # not even so much is left: then what runs within finds out by itself
            kept.enter_context(mmap.mmap(-1, RESERVE_BYTES))
        yield


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
