"""How quick each backend is here, on the same pictures."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from model.backends.base import Backend
from model.backends.choose import SETTLED, loads
from model.bundle import Bundle
from model.turns import open_all, take_turns, warm_up

ROUNDS = 20
"""Measured runs of each backend with one picture, and as many with a batch."""
SECONDS = 20.0
"""Rounds end early after so long, as they would with a large network on a small machine."""


@dataclass(frozen=True, slots=True)
class Timing:
    """One backend's figures; times are milliseconds for one picture, ``None`` where it could not run (see ``problem``).

    ``median`` and ``p95`` are of pictures judged alone, ``batch_median`` and ``batch_p95`` of a picture's share of a
    batch. ``speedup`` is how many times the slowest's throughput in batches it has, ``fastest`` marks the one that has
    most. ``bytes`` is the size of the file that it loads the network from.
    """

    backend: str
    median: float | None = None
    p95: float | None = None
    batch_median: float | None = None
    batch_p95: float | None = None
    speedup: float | None = None
    fastest: bool = False
    bytes: int | None = None
    problem: str | None = None


def benchmark(
    bundle: Bundle,
    pixels: NDArray[np.uint8],
    *,
    batch_size: int = 16,
    rounds: int = ROUNDS,
    seconds: float = SECONDS,
    names: Sequence[str] = SETTLED,
    device: str = "auto",
    threads: int | None = None,
) -> list[Timing]:
    """A `Timing` for each of ``names``, in that order, measured here on ``pixels`` uint8 [N, S, S, 3], N >= 1.

    Fewer pictures than a batch are repeated. What cannot run here says so in its ``problem``: nothing is raised for it.
    Engines that were imported stay in memory (torch: 700 MB), so a server had better measure in a process of its own.
    """
    opened, problems = open_all(names, bundle, device, threads)
    try:
        alone = _milliseconds(opened, pixels, 1, rounds, seconds / 2)
        batched = _milliseconds(opened, pixels, batch_size, rounds, seconds / 2)
    finally:
        for backend in opened.values():
            backend.close()
    found = []
    for name in names:
        if name in problems:
            found.append(Timing(name, problem=problems[name]))
            continue
        single, shares = np.array(alone[name]), np.array(batched[name])
        found.append(
            Timing(
                name,
                median=float(np.median(single)),
                p95=float(np.percentile(single, 95)),
                batch_median=float(np.median(shares)),
                batch_p95=float(np.percentile(shares, 95)),
                bytes=loads(name, bundle).stat().st_size,
            )
        )
    return _ranked(found)


def _milliseconds(
    opened: Mapping[str, Backend], pixels: NDArray[np.uint8], size: int, rounds: int, seconds: float
) -> dict[str, list[float]]:
    """For one picture, at each of ``rounds`` batches of ``size``."""

    def batches() -> Iterator[NDArray[np.uint8]]:
        for number in range(rounds):
            yield np.take(pixels, range(number * size, (number + 1) * size), axis=0, mode="wrap")

    warm_up(opened, next(batches()))
    return {name: run.milliseconds for name, run in take_turns(opened, batches(), seconds).items()}


def _ranked(found: list[Timing]) -> list[Timing]:
    shares = [timing.batch_median for timing in found if timing.batch_median is not None]
    return [
        timing
        if timing.batch_median is None
        else replace(timing, speedup=max(shares) / timing.batch_median, fastest=timing.batch_median == min(shares))
        for timing in found
    ]
