"""How often an address may fail to sign in."""

import time
from collections import deque
from collections.abc import Callable

MINUTE = 60.0
# Beyond so many addresses the quietest are forgotten: memory stays bounded whoever knocks.
MOST_ADDRESSES = 10_000


class Throttle:
    """Counts failures per address over the last minute. Used from the event loop only."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._failures: dict[str, deque[float]] = {}

    def fail(self, address: str) -> int | None:
        """Notes a failure; the seconds to wait when the address has had more than its share, else None."""
        at = self._clock()
        times = self._failures.pop(address, deque())
        while times and times[0] <= at - MINUTE:
            times.popleft()
        # Failures beyond the limit are not noted, so that the wait ends a minute after the first of those counted.
        refused = len(times) >= self._per_minute
        if not refused:
            times.append(at)
        self._failures[address] = times
        if len(self._failures) > MOST_ADDRESSES:
            del self._failures[next(iter(self._failures))]
        return max(1, round(times[0] + MINUTE - at)) if refused else None
