"""Buckets as rows of percentiles."""

from collections.abc import Mapping

from api.schemas import iso
from db.buckets import percentile
from db.query.latency import Buckets

HOUR_SECONDS = 3600
_SHARES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}


def hour_of(seconds: float | None) -> int | None:
    """The hour since 1970 that begins at ``seconds``."""
    return None if seconds is None else int(seconds // HOUR_SECONDS)


def percentiles(buckets: Mapping[int, int]) -> dict[str, int | float | None]:
    """How many photos, and their percentiles in milliseconds to three digits."""
    found = {name: percentile(buckets, share) for name, share in _SHARES.items()}
    near = {name: None if value is None else float(f"{value:.3g}") for name, value in found.items()}
    return {"count": sum(buckets.values()), **near}


def rows_of(by: str, groups: Mapping[int | str, Buckets]) -> list[dict[str, str | int | float | None]]:
    """A row for each group, named as people name it."""
    return [{by: _name(by, group), **percentiles(buckets)} for group, buckets in groups.items()]


def _name(by: str, group: int | str) -> str:
    if by == "hour":
        return iso(int(group) * HOUR_SECONDS)
    return iso(int(group) * 24 * HOUR_SECONDS)[:10] if by == "day" else str(group)
