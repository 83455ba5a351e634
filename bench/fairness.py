"""Does a small job wait for a huge one? A 50-photo ZIP, alone and while a 5,000-photo ZIP runs, in the same run.

    python -m bench.fairness PHOTOS.zip [--small 50] [--huge 5000] [--rounds 3]

Prints the times from the first byte sent until the small job is completed, and their ratio.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

from bench.photosets import repeat
from bench.stack import stack
from client.client import Client
from client.upload import of_path

POLL_SECONDS = 0.1


def main() -> int:
    """Runs the rounds and prints the ratio of the medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--small", type=int, default=50)
    parser.add_argument("--huge", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sb-") as folder:
        small = repeat(arguments.photos, arguments.small, Path(folder) / "small.zip")
        huge = repeat(arguments.photos, arguments.huge, Path(folder) / "huge.zip")
        with stack() as shoebox, shoebox.client() as client:
            seconds_for(client, small)  # the first job of a fresh worker pays for its warm-up
            alone = [seconds_for(client, small) for _ in range(arguments.rounds)]
            crowd = client.submit([of_path(huge)])
            while crowd.refresh().counts.done == 0:
                time.sleep(POLL_SECONDS)
            beside = [seconds_for(client, small) for _ in range(arguments.rounds)]
            left = crowd.refresh().counts.pending
            client.cancel(crowd.id)
    print(f"alone  {', '.join(f'{s:.2f}' for s in alone)} s")
    print(f"beside {', '.join(f'{s:.2f}' for s in beside)} s, with {left} photos of the huge job still to do")
    print(f"ratio of the medians {statistics.median(beside) / statistics.median(alone):.2f}")
    return 0


def seconds_for(client: Client, archive: Path) -> float:
    """From the first byte sent until the job is completed."""
    began = time.perf_counter()
    job = client.submit([of_path(archive)])
    while (view := job.refresh()).state not in ("completed", "failed", "canceled"):
        time.sleep(POLL_SECONDS)
    assert view.state == "completed", view
    return time.perf_counter() - began


if __name__ == "__main__":
    sys.exit(main())
