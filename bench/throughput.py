"""How much of the machine's limit the whole stack turns into verdicts: both over the same photos in the same run.

    python -m bench.throughput PHOTOS.zip [--count 2000] [--rounds 3] [--sets …] [--stores …]

The limit is the fastest arrangement of `bench.limit`: decoding and the network on all cores, no queue, no rows, no
guards. The stack is timed from the first byte sent until the job is completed. The limit is measured before and after
each job, and the job is compared with the mean of the two: a machine that is shared drifts by a fifth within minutes.
The order of the stores alternates; the median of their ratios counts.
"""

import argparse
import os
import statistics
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from bench.limit import Bench
from bench.photosets import SETS, photo_set
from bench.processes import as_ours
from bench.stack import STORES, photos_per_second, stack

BACKEND = "openvino-fp32"


def main() -> int:
    """Runs the rounds and prints the table."""
    as_ours()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sets", nargs="+", choices=SETS, default=SETS)
    parser.add_argument("--stores", nargs="+", choices=STORES, default=STORES)
    parser.add_argument("--backend", default=BACKEND, help="what runs the network on both sides")
    arguments = parser.parse_args()
    with ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="sb-")))
        clients = {
            store: opened.enter_context(opened.enter_context(stack(store, backend=arguments.backend)).client())
            for store in arguments.stores
        }
        for kind in arguments.sets:
            archive = photo_set(arguments.photos, kind, arguments.count, folder / f"{kind}.zip")
            bench = Bench(archive, arguments.backend)
            ratios: dict[str, list[float]] = {store: [] for store in clients}
            bench.round(parts=False)
            print(f"{kind}: {', '.join(f'{name} {rates[-1]:.1f}' for name, rates in bench.limit.both.items())}")
            # Of one arrangement, the same all the time: the best of three in each round would be luck, too.
            arrangement = bench.limit.best
            before = bench.again(arrangement)
            for number in range(arguments.rounds):
                print(f"{kind}, round {number + 1}: limit {before:.1f} photos/s", end="", flush=True)
                for store in list(clients)[:: -1 if number % 2 else 1]:
                    rate = photos_per_second(clients[store], archive, arguments.count)
                    after = bench.again(arrangement)
                    ratio = rate / statistics.mean((before, after))
                    before = after
                    ratios[store].append(ratio)
                    print(f", {store} {rate:.1f} ({ratio:.3f}), limit {after:.1f}", end="", flush=True)
                print()
            bench.close()
            medians = ", ".join(f"{store} {statistics.median(found):.3f}" for store, found in ratios.items())
            cores = len(os.sched_getaffinity(0))
            print(f"{kind}: {arguments.count} photos, {cores} cores, {bench.backend}; {arrangement}: {medians}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
