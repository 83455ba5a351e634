"""Histograms, counted here: a chart gets a few dozen rows whatever the number of photos."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from typing import Any

BINS = 30


def span(values: Sequence[float], line: float | None) -> tuple[float, float]:
    """The ends of an axis that shows nearly all values and the line: the strangest hundredth goes into the last bar."""
    ordered = sorted(values)
    marks = [] if line is None else [line]
    if not ordered:
        return (min([0.0, *marks]), max([1.0, *marks]))
    low = min([ordered[0], *marks])
    high = max([ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))], *(mark + 0.1 * abs(mark) for mark in marks)])
    return (low, high) if high > low else (low - 0.5, low + 0.5)


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
