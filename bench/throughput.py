"""How much of the machine the whole stack turns into verdicts, beside a bare loop over the same photos in the same run.

    python -m bench.throughput PHOTOS.zip [--count 500] [--rounds 3]

The bare loop reads, decodes, batches and runs the network in one process on all cores: no queue, no rows, no guards.
The stack is timed from the first byte sent until the job is completed. Rounds alternate; the median ratio counts.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np

from client.client import Client
from client.upload import of_path
from model.backends.base import Backend
from model.backends.choose import open_backend
from model.bundle import BUILT_IN, Bundle
from model.decode import Decoded, decode
from model.limits import Limits

BATCH = 16
# Often enough to time a job of seconds to 1 %, seldom enough that answering does not slow the job.
POLL_SECONDS = 0.2
PHOTO_SUFFIXES = {".jpg", ".jpeg", ".heic", ".avif", ".webp", ".png"}


def main() -> int:
    """Runs the rounds and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sb-") as folder:
        archive = repeat(arguments.photos, arguments.count, Path(folder) / "photos.zip")
        bundle = Bundle.open(BUILT_IN / "scenes")
        backend = open_backend("auto", bundle)
        environment = stack_environment(Path(folder) / "home")
        shoebox = [str(Path(sys.executable).with_name("shoebox"))]
        subprocess.run([*shoebox, "up"], env=environment, check=True, stdout=subprocess.DEVNULL)
        try:
            key = (Path(folder) / "home" / "key").read_text().strip()
            url = f"http://127.0.0.1:{environment['SHOEBOX_PORT']}"
            rates = []
            for number in range(arguments.rounds):
                bare = bare_loop(archive, bundle.input_size, backend)
                stack = through_stack(url, key, archive, arguments.count)
                rates.append((bare, stack))
                ratio = stack / bare
                print(f"round {number + 1}: bare loop {bare:6.1f} photos/s, stack {stack:6.1f}, ratio {ratio:.3f}")
        finally:
            subprocess.run([*shoebox, "down"], env=environment, check=False, stdout=subprocess.DEVNULL)
            backend.close()
    ratio = statistics.median(stack / bare for bare, stack in rates)
    print(f"{arguments.count} photos, {len(os.sched_getaffinity(0))} cores, {backend.name}: median ratio {ratio:.3f}")
    return 0


def repeat(photos: Path, count: int, target: Path) -> Path:
    """A stored ZIP of ``count`` photos: those of ``photos``, again and again under other names."""
    with zipfile.ZipFile(photos) as source, zipfile.ZipFile(target, "w") as made:
        names = [name for name in source.namelist() if Path(name).suffix.lower() in PHOTO_SUFFIXES]
        data = {name: source.read(name) for name in names}
        for number in range(count):
            name = names[number % len(names)]
            made.writestr(f"{number:05d}-{Path(name).name}", data[name])
    return target


def bare_loop(archive: Path, size: int, backend: Backend) -> float:
    """Photos per second of the same work without anything around it."""
    cores = len(os.sched_getaffinity(0))
    limits = Limits()
    began = time.perf_counter()
    with zipfile.ZipFile(archive) as zip_, ThreadPoolExecutor(cores) as decoders:
        names = zip_.namelist()

        def one(name: str) -> Decoded:
            return decode(zip_.read(name), size, limits)

        waiting: list[Future[Decoded]] = []
        for start in range(0, len(names), BATCH):
            waiting += [decoders.submit(one, name) for name in names[start : start + BATCH]]
            if start:
                backend.run(np.stack([done.result().pixels for done in waiting[:BATCH]]))
                del waiting[:BATCH]
        backend.run(np.stack([done.result().pixels for done in waiting]))
    return len(names) / (time.perf_counter() - began)


def through_stack(url: str, key: str, archive: Path, count: int) -> float:
    """Photos per second from the first byte sent until the job is completed."""
    with Client(url, key) as client:
        began = time.perf_counter()
        job = client.submit([of_path(archive)])
        while (view := job.refresh()).state not in ("completed", "failed", "canceled"):
            time.sleep(POLL_SECONDS)
        seconds = time.perf_counter() - began
    assert view.state == "completed" and view.counts.total == count, view
    return count / seconds


def stack_environment(home: Path) -> dict[str, str]:
    """The environment of a Shoebox of its own, on a port of its own."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("SHOEBOX_")}
    return own | {"SHOEBOX_DATA_DIR": str(home), "SHOEBOX_PORT": "8765"}


if __name__ == "__main__":
    sys.exit(main())
