"""Does a picture look like a photo at all? A few cheap measurements, and the ranges that photos keep to.

Everything but ``even`` is measured on a copy reduced to about 64 to 80 pixels a side. At that size a 20-megapixel
camera photo and a small, much-compressed copy of it look alike, so that the ranges speak about the scene.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from model.verdict import Reason

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

# Each statistic with the sides that speak against a photo. Grey, misty and gaudy pictures may be photos all the same.
SIDES: Mapping[str, str] = {
    "spread": "low",
    "entropy": "low",
    "colours": "high",
    "modal": "high",
    "clipped": "high",
    "saturation": "high",
    "colourfulness": "high",
    "even": "high",
    "fine": "both",
    "slope": "both",
    "peaked": "both",
    "aligned": "both",
    "coupling": "low",
}
NAMES: tuple[str, ...] = tuple(SIDES)
TARGET_SIDE = 64
# Limits that are not fitted. Mist and snow are photos: less spread than this is nearly one colour. Coupling depends on
# how much colour the JPEG kept: small scenes lie above 0.83, good camera photos reach down to 0.76, noise to 0.4.
FIXED: Mapping[str, float] = {"spread": 6.0, "coupling": 0.6}
# Photos from elsewhere vary more than any training set: each limit moves out by this part of its way from the median.
MARGIN = 0.15


class Range(NamedTuple):
    """What photos keep to; ``None`` leaves a side open. ``centre`` is the median of the photos it was fitted on."""

    low: float | None
    centre: float
    high: float | None


class Edge(NamedTuple):
    """One side of a range: ``sign`` is -1 for the lower, ``width`` the way from the centre, ``reason`` beyond it."""

    place: int
    name: str
    sign: float
    limit: float
    width: float
    reason: Reason


class Finding(NamedTuple):
    """The statistic that decided (``reason``), or the one that came nearest to its limit (``reason`` is ``None``)."""

    reason: Reason | None
    name: str
    value: float
    threshold: float


@dataclass(frozen=True, slots=True)
class Ranges:
    """One :class:`Range` for each of ``NAMES``."""

    by_name: Mapping[str, Range]
    edges: tuple[Edge, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Made once: `check` runs for every photo, beside decoders that wait for the interpreter.
        object.__setattr__(self, "edges", tuple(self._edges()))

    def _edges(self) -> Iterator[Edge]:
        for place, name in enumerate(NAMES):
            bounds = self.by_name[name]
            reason = Reason.BLANK if name == "spread" else Reason.UNNATURAL_STATISTICS
            for limit, sign in ((bounds.low, -1.0), (bounds.high, 1.0)):
                if limit is not None:
                    yield Edge(place, name, sign, limit, max(sign * (limit - bounds.centre), 1e-6), reason)

    def to_json(self) -> dict[str, list[float | None]]:
        """Plain JSON: name to ``[low, centre, high]``."""
        return {name: list(bounds) for name, bounds in self.by_name.items()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Ranges":
        """Read what :meth:`to_json` wrote. ``ValueError`` when the names are not ``NAMES``."""
        if set(data) != set(NAMES):
            raise ValueError("the statistics' ranges name other measurements than this version makes")
        return cls({name: Range(*data[name]) for name in NAMES})


def measure(pixels: Pixels) -> Floats:
    """Measure uint8 RGB ``[S, S, 3]``; returns float32 ``[K]`` in the order of ``NAMES``, always finite.

    - ``spread``: standard deviation of the colours, in grey levels, all channels together
    - ``entropy``: of the luma histogram (64 bins), in bits
    - ``colours``: log2 of the number of distinct colours, 5 bits a channel
    - ``modal``: share of the commonest colour, 4 bits a channel
    - ``clipped``: share of pixels that are black or white in every channel
    - ``saturation``: mean of (max - min) over the channels, in [0, 1]
    - ``colourfulness``: M3 of Hasler and Suesstrunk, "Measuring colourfulness in natural images", 2003
    - ``even``: share of neighbours at full size with exactly the same colour, as drawings have
    - ``fine``: log2 of gradient energy over variance: noise is high, gradients are low
    - ``slope``: of log power over log frequency; about -2 to -3 in natural scenes (Field, 1987)
    - ``peaked``: (E|g|)^2 / E g^2 of the gradients g: 0.64 for normal noise, less the sparser the edges are
    - ``aligned``: share of gradient energy that runs along the rows or columns, as in charts and pages
    - ``coupling``: share of gradient energy along its chief colour axis: near 1 in photos, 1/3 in colour noise
    """
    # Channel by channel, so that each pass runs over memory in order: 0.5 ms instead of 0.9.
    planes = np.ascontiguousarray(pixels.transpose(2, 0, 1))
    small = _reduce(planes)
    luma = np.float32(0.299) * small[0] + np.float32(0.587) * small[1] + np.float32(0.114) * small[2]
    variance = float(small.var(axis=(1, 2)).mean())
    values = {
        "spread": variance**0.5,
        "even": _even(planes),
        "slope": _slope(luma),
        **_colour(small),
        **_histograms(small, luma),
        **_gradients(small, variance),
    }
    return np.array([values[name] for name in NAMES], dtype=np.float32)


def fit(samples: npt.NDArray[Any], accept: float = 0.99) -> Ranges:
    """Ranges that together keep the share ``accept`` of ``samples`` (``[N, K]``, from :func:`measure`).

    Every side gives up the same number of samples, and that number is the largest that still keeps ``accept`` of them
    inside all ranges at once; then ``MARGIN`` widens them. Limits in ``FIXED`` stay. ``ValueError`` for a wrong shape.
    """
    values = np.asarray(samples, dtype=np.float64)
    count = len(values)
    if values.ndim != 2 or values.shape[1] != len(NAMES) or count < 2:
        raise ValueError(f"need at least two samples of {len(NAMES)} statistics")
    # A sample's depth in a statistic: how many samples lie strictly beyond it on the nearer judged side.
    depth = np.full(count, count)
    ordered = np.sort(values, axis=0)
    for k, name in enumerate(NAMES):
        if name in FIXED:
            continue
        if SIDES[name] != "high":
            depth = np.minimum(depth, np.searchsorted(ordered[:, k], values[:, k], side="left"))
        if SIDES[name] != "low":
            depth = np.minimum(
                depth,
                count - np.searchsorted(ordered[:, k], values[:, k], side="right"),
            )
    rank = int(np.sort(depth)[int(np.floor(count * (1 - accept)))])
    bounds = {}
    for k, name in enumerate(NAMES):
        low, centre, high = (float(v) for v in (ordered[rank, k], np.median(ordered[:, k]), ordered[-1 - rank, k]))
        low = FIXED.get(name, low - MARGIN * (centre - low))
        high += MARGIN * (high - centre)
        bounds[name] = Range(
            None if SIDES[name] == "high" else low,
            centre,
            None if SIDES[name] == "low" else high,
        )
    return Ranges(bounds)


def check(stats: npt.NDArray[Any] | tuple[float, ...], ranges: Ranges) -> Finding:
    """Hold ``stats`` (``[K]``) against ``ranges``. Too little spread is BLANK, all else UNNATURAL_STATISTICS.

    The finding names the statistic that lies furthest out, in units of its own range.
    """

    def reached(edge: Edge) -> tuple[bool, float]:
        beyond = edge.sign * (stats[edge.place] - edge.limit)
        return beyond > 0 and edge.reason is Reason.BLANK, beyond / edge.width

    nearest = max(ranges.edges, key=reached)
    reason = nearest.reason if reached(nearest)[1] > 0 else None
    return Finding(reason, nearest.name, float(stats[nearest.place]), nearest.limit)


def _reduce(planes: Pixels) -> Floats:
    """Mean over squares of pixels: uint8 ``[3, S, S]`` to float32 ``[3, s, s]``."""
    step = max(1, planes.shape[1] // TARGET_SIDE)
    side = planes.shape[1] // step * step
    rows = np.zeros((3, side // step, side), dtype=np.uint32)
    for row in range(step):
        rows += planes[:, row:side:step, :side]
    total = np.zeros((3, side // step, side // step), dtype=np.uint32)
    for column in range(step):
        total += rows[:, :, column::step]
    return total.astype(np.float32) / np.float32(step * step)


def _even(planes: Pixels) -> float:
    beside = (planes[:, :, 1:] == planes[:, :, :-1]).all(axis=0)
    below = (planes[:, 1:] == planes[:, :-1]).all(axis=0)
    return float(beside.mean() + below.mean()) / 2


def _colour(small: Floats) -> dict[str, float]:
    red, green, blue = small
    high, low = small.max(axis=0), small.min(axis=0)
    red_green, yellow_blue = red - green, (red + green) / 2 - blue
    return {
        "clipped": np.count_nonzero((high <= 3) | (low >= 252)) / high.size,
        "saturation": float((high - low).mean()) / 255,
        "colourfulness": float(
            np.hypot(red_green.std(), yellow_blue.std()) + 0.3 * np.hypot(red_green.mean(), yellow_blue.mean())
        ),
    }


def _histograms(small: Floats, luma: Floats) -> dict[str, float]:
    share = np.bincount((luma / 4).astype(np.intp).ravel(), minlength=64) / luma.size
    share = share[share > 0]
    fine = small.astype(np.int32) >> 3
    colours = np.bincount(_pack(fine, 5).ravel())
    modal = np.bincount(_pack(fine >> 1, 4).ravel())
    return {
        "entropy": float(-(share * np.log2(share)).sum()),
        "colours": float(np.log2(np.count_nonzero(colours))),
        "modal": float(modal.max()) / luma.size,
    }


def _pack(colours: npt.NDArray[np.int32], bits: int) -> npt.NDArray[np.int32]:
    """One integer for each colour: int32 ``[3, ...]`` to ``[...]``."""
    packed: npt.NDArray[np.int32] = (colours[0] << 2 * bits) | (colours[1] << bits) | colours[2]
    return packed


def _gradients(small: Floats, variance: float) -> dict[str, float]:
    across = small[:, :-1, 1:] - small[:, :-1, :-1]
    down = small[:, 1:, :-1] - small[:, :-1, :-1]
    steps = np.concatenate((across.reshape(3, -1), down.reshape(3, -1)), axis=1)
    squares = np.square(steps)
    energy = float(squares.mean()) + 1e-3
    size = np.sqrt(squares[0] + squares[1] + squares[2]).reshape(2, -1)
    steeper, flatter = np.maximum(*size), np.minimum(*size)
    along = float(np.square(steeper[flatter < 0.1 * steeper]).sum())
    agreement = np.linalg.eigvalsh(steps @ steps.T / steps.size)
    return {
        "fine": float(np.log2(energy / (variance + 1e-3))),
        "peaked": float(np.abs(steps).mean()) ** 2 / energy,
        "aligned": along / (float(np.square(steeper).sum()) + 1e-3),
        "coupling": float(agreement[-1]) / energy,
    }


def _slope(luma: Floats) -> float:
    """Least-squares slope of log2 power over log2 frequency, between 3 cycles a picture and half of Nyquist."""
    window, bins, counts = _spectrum_grid(len(luma))
    power = np.square(np.abs(np.fft.rfft2((luma - luma.mean()) * window)))
    sums = np.bincount(bins.ravel(), weights=power.ravel())
    radii = np.arange(3, len(luma) // 4)
    x = np.log2(radii)
    y = np.log2(sums[radii] / counts[radii] + 1e-3)
    x = x - x.mean()
    return float((x * y).sum() / (x * x).sum())


@cache
def _spectrum_grid(
    side: int,
) -> tuple[Floats, npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """The window ``[s, s]``, each coefficient's whole frequency, and how many coefficients each frequency has."""
    hann = np.hanning(side).astype(np.float32)
    rows, columns = (
        np.fft.fftfreq(side, 1 / side)[:, None],
        np.fft.rfftfreq(side, 1 / side)[None],
    )
    bins = np.hypot(rows, columns).round().astype(np.intp)
    return np.outer(hann, hann), bins, np.bincount(bins.ravel())
