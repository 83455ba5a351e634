"""Does a photo cost the same in a job of 100 and of 100,000, and do more workers do more? With the fake network.

    python -m bench.scale [--sizes 100 1000 10000 100000] [--workers 1 2 4] [--stores sqlite postgresql]

Every photo is the same small JPEG, and the fake network costs nothing: what is left is what Shoebox itself does. First
jobs of rising size: milliseconds for each photo, and the memory of each process after each (the most it ever held).
Then one job over and over with more and more classify workers: shards claimed in a second.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

from PIL import Image

from bench.stack import STORES, Stack, Store, photos_per_second, stack

SMALL_ROUNDS = 5
"""A job of 100 takes a moment, in which a poll more or less counts: the median of so many."""


def main() -> int:
    """Prints both tables for each store."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", type=int, default=[100, 1000, 10_000, 100_000])
    parser.add_argument("--workers", nargs="+", type=int, default=[1, 2, 4])
    parser.add_argument("--shared", type=int, default=10_000, help="photos of the job that several workers share")
    parser.add_argument("--stores", nargs="+", choices=STORES, default=STORES)
    arguments = parser.parse_args()
    for store in arguments.stores:
        with tempfile.TemporaryDirectory(prefix="sb-") as folder:
            rising(store, arguments.sizes, Path(folder))
            shared(store, arguments.workers, arguments.shared, Path(folder))
    return 0


def rising(store: Store, sizes: list[int], folder: Path) -> None:
    """Jobs of rising size, one after the other on one stack."""
    print(f"{store}: {'photos':>8} {'ms a photo':>11}   most memory of each process, MB", flush=True)
    with stack(store, backend="fake", max_files=max(sizes)) as shoebox, shoebox.client() as client:
        photos_per_second(client, archive(folder, 100), 100)
        for size in sizes:
            source = archive(folder, size)
            rounds = SMALL_ROUNDS if size <= 1000 else 1
            rates = sorted(photos_per_second(client, source, size) for _ in range(rounds))
            held = "  ".join(f"{name} {megabytes:.0f}" for name, megabytes in memory(shoebox).items())
            print(f"{'':{len(store) + 1}} {size:>8} {1000 / rates[rounds // 2]:>11.2f}   {held}", flush=True)


def shared(store: Store, workers: list[int], size: int, folder: Path) -> None:
    """One job at a time, worked by one worker, then by more."""
    source = archive(folder, size)
    with stack(store, backend="fake", decoders=1, shard_items=8) as shoebox, shoebox.client() as client:
        for count in workers:
            with more_workers(shoebox, count - 1):
                rate = photos_per_second(client, source, size)
            print(
                f"{store}: {count} classify workers, {rate / 8:7.1f} shards of 8 photos claimed in a second", flush=True
            )
        lost = sum(path.read_text().count("lease_lost") for path in (shoebox.home / "logs").glob("*.log"))
        print(f"{store}: {lost} leases lost", flush=True)


@contextmanager
def more_workers(shoebox: Stack, count: int) -> Iterator[None]:
    """So many classify workers beside the one that the stack has."""
    command = [sys.executable, "-P", "-m", "worker", "classify"]
    logs = [(shoebox.home / "logs" / f"more-{number}.log").open("wb") for number in range(count)]
    processes = [subprocess.Popen(command, env=shoebox.environment, stdout=log, stderr=log) for log in logs]
    try:
        for log in logs:
            while b"worker_ready" not in Path(log.name).read_bytes():
                time.sleep(0.1)
        yield
    finally:
        for process in processes:
            process.terminate()
        for process, log in zip(processes, logs, strict=True):
            process.wait()
            log.close()


def archive(folder: Path, size: int) -> Path:
    """A ZIP of so many small JPEGs."""
    target = folder / f"{size}.zip"
    if not target.exists():
        picture = BytesIO()
        Image.effect_noise((96, 96), 60).convert("RGB").save(picture, "JPEG")
        with zipfile.ZipFile(target, "w") as made:
            for number in range(size):
                made.writestr(f"{number:06d}.jpg", picture.getvalue())
    return target


def memory(shoebox: Stack) -> dict[str, float]:
    """The most memory that each process of the stack has held, in MB (its own, without what it shares)."""
    found: dict[str, float] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            environment = (entry / "environ").read_bytes()
            if f"SHOEBOX_DATA_DIR={shoebox.home}".encode() not in environment or int(entry.name) == os.getpid():
                continue
            words = (entry / "cmdline").read_bytes().decode().split("\0")
            status = (entry / "status").read_text().splitlines()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        for name, sign in (
            ("api", ["-m", "api"]),
            ("control", ["worker", "control"]),
            ("classify", ["worker", "classify"]),
        ):
            if all(word in words for word in sign):
                found[name] = next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1000
    return found


if __name__ == "__main__":
    sys.exit(main())
