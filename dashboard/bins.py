"""Histograms, counted here: a chart gets a few dozen rows whatever the number of photos."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from typing import Any

BINS = 30
FAR = 10.0
# A difference of less, beside the values themselves, is no difference, and may be too small to be cut into bars.
NARROWEST = 1e-9


def span(values: Sequence[float], line: float | None) -> tuple[float, float]:
    """The ends of an axis on which a line can be tried: from the least value to nearly the largest.

    The largest hundredth, and what lies farther than `FAR` times the line's own distance from the least value, is left
    to the last bar: else a few wild values would press all others together.
    """
    ordered = sorted(values) or [0.0, 1.0]
    low, high = ordered[0], ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))]
    if line is not None:
        low = min(low, line)
        reach = line - low
        high = max(min(high, low + FAR * reach) if reach > 0 else high, line + 0.1 * abs(line))
    wide_enough = high - low > NARROWEST * max(1.0, abs(low), abs(high))
    return (low, high) if wide_enough else (low - 0.5, low + 0.5)


def histogram(
    values: Sequence[float], kinds: Sequence[str], low: float, high: float, bins: int = BINS
) -> list[dict[str, Any]]:
    """Rows of ``from``, ``to``, ``kind`` and ``count`` from ``low`` to ``high``; what lies beyond is in the end bar."""
    width = (high - low) / bins
    edges = [low + width * n for n in range(bins + 1)]
    counted = Counter(
        (min(max(bisect_right(edges, value) - 1, 0), bins - 1), kind) for value, kind in zip(values, kinds, strict=True)
    )
    return [
        {"from": edges[place], "to": edges[place + 1], "kind": kind, "count": count}
        for (place, kind), count in sorted(counted.items())
    ]
