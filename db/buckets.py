"""Durations counted in buckets, each 9 % wider than the one before: small enough to keep for ever, and near enough."""

import math
from collections.abc import Mapping

PER_DOUBLING = 8
# How much longer than a bucket's shortest duration its longest is; a percentile is off by half of that at most.
WIDTH = 2 ** (1 / PER_DOUBLING) - 1
# What lies beyond goes to the last bucket: a microsecond, and three hours.
_SHORTEST, _LONGEST = 1e-3, 1e7


def bucket_of(milliseconds: float) -> int:
    """The number of the bucket that a duration falls in."""
    return math.floor(PER_DOUBLING * math.log2(min(max(milliseconds, _SHORTEST), _LONGEST)))


def middle_of(bucket: int) -> float:
    """The geometric middle of a bucket, in milliseconds."""
    return float(2 ** ((bucket + 0.5) / PER_DOUBLING))


def percentile(counts: Mapping[int, int], share: float) -> float | None:
    """The duration in milliseconds that ``share`` (0 to 1) of those counted do not exceed; None where none is."""
    left = share * sum(counts.values())
    for bucket in sorted(counts):
        left -= counts[bucket]
        if left <= 0:
            return middle_of(bucket)
    return None
