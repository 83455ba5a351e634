"""What it brings that a processor's network takes a batch in small parts, and each part in one thread.

    python -m bench.parts PHOTOS.zip [--count 300] [--rounds 5] [--sets camera megapixel small]

Batches of 16 through OpenVINO in float32, four ways: whole or in parts of 4, over all threads together or each part in
one of its own; alone, and beside decoders in processes of their own as a worker has them. Rounds alternate between all
of them; medians count (docs/decisions/0019-small-parts-on-a-processor.md).
"""

import argparse
import statistics
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from bench.limit import BATCH, CORES, ahead, network_alone, run_through
from bench.photosets import SETS, photo_set
from bench.processes import as_ours
from model.backends import batches
from model.backends.base import Precision
from model.backends.openvino_cpu import OpenVinoBackend
from model.bundle import BUILT_IN, Bundle
from model.limits import Limits
from model.sandbox import DecodePool


class Ways:
    """The same network open twice: over all threads together, and apart."""

    def __init__(self, bundle: Bundle) -> None:
        self._together, self._apart = (OpenVinoBackend(bundle, precision=Precision.FLOAT32) for _ in range(2))
        self._together.go_together()

    def each(self, measure: Callable[[OpenVinoBackend], float]) -> dict[str, float]:
        """What ``measure`` finds of each way, by its name."""
        found: dict[str, float] = {}
        for part in (BATCH, batches.CPU_PART):
            usual, batches.CPU_PART = batches.CPU_PART, part
            found[f"together, at most {part}"] = measure(self._together)
            found[f"apart, at most {part}"] = measure(self._apart)
            batches.CPU_PART = usual
        return found


def main() -> int:
    """Measures the network alone and beside each set's decoders, and prints a table."""
    as_ours()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sets", nargs="+", choices=SETS, default=SETS)
    arguments = parser.parse_args()
    bundle = Bundle.open(BUILT_IN / "scenes")
    ways = Ways(bundle)
    alone = partial(network_alone, side=bundle.input_size)
    _show("network alone", [ways.each(alone) for _ in range(arguments.rounds)])
    with tempfile.TemporaryDirectory(prefix="sb-") as folder, DecodePool(CORES, Limits()) as pool:
        for kind in arguments.sets:
            path = photo_set(arguments.photos, kind, arguments.count, Path(folder) / f"{kind}.zip")
            with zipfile.ZipFile(path) as archive:
                beside = partial(_beside, archive, pool, bundle.input_size)
                _show(f"{kind}, decoders beside it", [ways.each(beside) for _ in range(arguments.rounds)])
    return 0


def _beside(archive: zipfile.ZipFile, pool: DecodePool, side: int, way: OpenVinoBackend) -> float:
    names = archive.namelist()
    began = time.perf_counter()
    run_through(way, ahead(names, lambda name: pool.submit(lambda: archive.read(name), side)))
    return len(names) / (time.perf_counter() - began)


def _show(what: str, rounds: list[dict[str, float]]) -> None:
    print(f"{what}, photos/s, {CORES} cores:")
    whole = statistics.median(found[f"together, at most {BATCH}"] for found in rounds)
    for name in rounds[0]:
        rates = [found[name] for found in rounds]
        middle = statistics.median(rates)
        print(f"  {name:<22}{middle:7.1f}  {middle / whole:.3f}  ({', '.join(f'{rate:.1f}' for rate in rates)})")


if __name__ == "__main__":
    sys.exit(main())
