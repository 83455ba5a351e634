"""What this machine could do at most: decoding, the network, and both, on all cores and with nothing around them.

    python -m bench.limit PHOTOS.zip [--count 500] [--rounds 3] [--sets camera megapixel small]

Both are run in three arrangements; the fastest is the limit that the stack is compared with (`bench.throughput`):
threads    decoder threads and the network in one process, the network on all cores
processes  decoders in processes of their own beside the network, as the worker has them
copies     one process for each core, which decodes and runs the network on that core alone
Rounds alternate between all measurements; medians count.
"""

import argparse
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
import zipfile
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from multiprocessing.synchronize import Barrier
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from bench.photosets import SETS, photo_set
from bench.processes import as_ours
from model.backends.base import Backend
from model.backends.choose import open_backend
from model.bundle import BUILT_IN, Bundle
from model.decode import Decoded, decode
from model.limits import Limits
from model.sandbox import DecodePool

BATCH = 16
CORES = len(os.sched_getaffinity(0))
NETWORK_SECONDS = 3


@dataclass
class Limit:
    """Photos per second on this machine, one figure for each round."""

    decoding: list[float] = field(default_factory=list)
    network: list[float] = field(default_factory=list)
    both: dict[str, list[float]] = field(default_factory=dict)

    @property
    def best(self) -> str:
        """The arrangement with the highest median."""
        return max(self.both, key=lambda name: statistics.median(self.both[name]))


class Bench:
    """An archive of photos and an open network, measured again and again."""

    def __init__(self, archive: Path, backend: str = "auto") -> None:
        self._archive = archive
        self._bundle = Bundle.open(BUILT_IN / "scenes")
        threadpool_limits(limits=1, user_api="blas")
        self._pool = DecodePool(CORES, Limits())
        self._backend = open_backend(backend, self._bundle)
        self._arrangements: dict[str, Callable[[], float]] = {
            "threads": self._threads,
            "processes": self._processes,
            "copies": self._copies,
        }
        self.limit = Limit(both={name: [] for name in self._arrangements})

    @property
    def backend(self) -> str:
        """The network's backend by name."""
        return self._backend.name

    def round(self, parts: bool = True) -> None:
        """Measures everything once, decoding and network alone only with ``parts``."""
        if parts:
            self.limit.decoding.append(self._decoding())
            self.limit.network.append(network_alone(self._backend, self._bundle.input_size))
        for name, measure in self._arrangements.items():
            self.limit.both[name].append(measure())

    def again(self, arrangement: str) -> float:
        """Measures both in this arrangement alone; returns photos per second."""
        return self._arrangements[arrangement]()

    def close(self) -> None:
        """Ends network and decoders."""
        self._backend.close()
        self._pool.close()

    def _decoding(self) -> float:
        with zipfile.ZipFile(self._archive) as archive, ThreadPoolExecutor(CORES) as decoders:
            names = archive.namelist()
            began = time.perf_counter()
            for _ in ahead(names, lambda name: decoders.submit(_decoded, archive, name, self._bundle.input_size)):
                pass
            return len(names) / (time.perf_counter() - began)

    def _threads(self) -> float:
        with zipfile.ZipFile(self._archive) as archive, ThreadPoolExecutor(CORES) as decoders:
            names = archive.namelist()
            began = time.perf_counter()
            run_through(
                self._backend,
                ahead(names, lambda name: decoders.submit(_decoded, archive, name, self._bundle.input_size)),
            )
            return len(names) / (time.perf_counter() - began)

    def _processes(self) -> float:
        with zipfile.ZipFile(self._archive) as archive:
            names = archive.namelist()
            began = time.perf_counter()
            run_through(
                self._backend,
                ahead(names, lambda name: self._pool.submit(lambda: archive.read(name), self._bundle.input_size)),
            )
            return len(names) / (time.perf_counter() - began)

    def _copies(self) -> float:
        context = multiprocessing.get_context("spawn")
        barrier = context.Barrier(CORES + 1)
        copies = [
            context.Process(target=_copy, args=(self._archive, number, self._backend.name, barrier))
            for number in range(CORES)
        ]
        for copy in copies:
            copy.start()
        barrier.wait()
        began = time.perf_counter()
        for copy in copies:
            copy.join()
        seconds = time.perf_counter() - began
        if any(copy.exitcode for copy in copies):
            raise RuntimeError("a copy failed")
        with zipfile.ZipFile(self._archive) as archive:
            return len(archive.namelist()) / seconds


def main() -> int:
    """Measures the sets one after the other and prints a table."""
    as_ours()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sets", nargs="+", choices=SETS, default=SETS)
    arguments = parser.parse_args()
    for kind in arguments.sets:
        with tempfile.TemporaryDirectory(prefix="sb-") as folder:
            bench = Bench(photo_set(arguments.photos, kind, arguments.count, Path(folder) / "photos.zip"))
            try:
                for _ in range(arguments.rounds):
                    bench.round()
            finally:
                bench.close()
        limit = bench.limit
        figures = {"decoding": limit.decoding, "network": limit.network, **limit.both}
        print(f"{kind}: {arguments.count} photos, {CORES} cores, {bench.backend}", flush=True)
        for name, rates in figures.items():
            mark = "  <- both, fastest" if name == limit.best else ""
            print(
                f"  {name:<10}{statistics.median(rates):8.1f} photos/s  ({', '.join(f'{r:.1f}' for r in rates)}){mark}"
            )
    return 0


def network_alone(backend: Backend, side: int, batch_size: int = BATCH) -> float:
    """Photos per second of full batches of noise, after a first one that does not count."""
    batch = np.random.default_rng(0).integers(0, 255, (batch_size, side, side, 3), np.uint8)
    backend.run(batch)
    began, count = time.perf_counter(), 0
    while time.perf_counter() - began < NETWORK_SECONDS or not count:
        backend.run(batch)
        count += batch_size
    return count / (time.perf_counter() - began)


def run_through(backend: Backend, decoded: Iterator[Decoded]) -> int:
    """Runs all pictures through the network in full batches; returns how many there were."""
    count = 0
    batch: list[NDArray[np.uint8]] = []
    for picture in decoded:
        batch.append(picture.pixels)
        if len(batch) == BATCH:
            backend.run(np.stack(batch))
            count += len(batch)
            batch.clear()
    if batch:
        backend.run(np.stack(batch))
    return count + len(batch)


def ahead(names: list[str], start: Callable[[str], Future[Decoded]], under_way: int = 2 * BATCH) -> Iterator[Decoded]:
    """The pictures in order, so many of them ``under_way``."""
    flight: deque[Future[Decoded]] = deque()
    for name in names:
        flight.append(start(name))
        if len(flight) >= under_way:
            yield flight.popleft().result()
    while flight:
        yield flight.popleft().result()


def _decoded(archive: zipfile.ZipFile, name: str, size: int) -> Decoded:
    return decode(archive.read(name), size, Limits())


def _copy(archive: Path, number: int, backend: str, barrier: Barrier) -> None:
    """One core's share: every ``CORES``-th photo, with a network of one thread."""
    threadpool_limits(limits=1, user_api="blas")
    bundle = Bundle.open(BUILT_IN / "scenes")
    network = open_backend(backend, bundle, threads=1)
    network.run(np.zeros((BATCH, bundle.input_size, bundle.input_size, 3), np.uint8))
    with zipfile.ZipFile(archive) as opened:
        names = opened.namelist()[number::CORES]
        barrier.wait()
        run_through(network, (_decoded(opened, name, bundle.input_size) for name in names))
    network.close()


if __name__ == "__main__":
    sys.exit(main())
