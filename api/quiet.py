"""Log lines that anybody can cause: so many a minute, and then their number alone, so that no flood fills a disk."""

import time
from collections.abc import Callable
from typing import Any

MINUTE = 60.0
EACH_MINUTE = 60


class Quiet:
    """Counts lines by their event. Used from the event loop only."""

    def __init__(self, each_minute: int = EACH_MINUTE, clock: Callable[[], float] = time.monotonic) -> None:
        self._each_minute = each_minute
        self._clock = clock
        self._counted: dict[str, tuple[float, int]] = {}

    def say(self, write: Callable[..., Any], event: str, **values: Any) -> None:
        """Writes the line, unless there were too many; the first of the next minute tells how many were left out."""
        at = self._clock()
        began, lines = self._counted.get(event, (at, 0))
        left_out = 0
        if at - began >= MINUTE:
            left_out, began, lines = max(0, lines - self._each_minute), at, 0
        self._counted[event] = began, lines + 1
        if lines < self._each_minute:
            write(event, **values, **({"left_out": left_out} if left_out else {}))
