"""How long one photo waits through `POST /v1/classify`: beside the bare work, with nothing else to do and under load.

    python -m bench.latency PHOTOS.zip [--requests 100] [--crowd 20000]

The bare work is decoding and the network for the same photos, one after the other in this process: its median is what
no service can be below. Then the same photos are sent one by one, first to an idle Shoebox, then while it works on a
job of 20,000 photos.
"""

import argparse
import itertools
import os
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import httpx
import numpy as np
from threadpoolctl import threadpool_limits

from bench.photosets import SETS, photo_set
from bench.processes import as_ours
from bench.stack import stack
from client.upload import of_path
from model.backends.choose import open_backend
from model.bundle import BUILT_IN, Bundle
from model.decode import decode
from model.limits import Limits

BACKEND = "openvino-fp32"
PAUSE_SECONDS = 0.05
"""Between requests, as between people's: one that is sent at once would find all processes awake."""


def main() -> int:
    """Prints a line for each way."""
    as_ours()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--requests", type=int, default=100)
    parser.add_argument("--crowd", type=int, default=20_000, help="photos of the job beside it")
    parser.add_argument("--set", choices=SETS, default="megapixel")
    parser.add_argument("--backend", default=BACKEND)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sb-") as made:
        folder = Path(made)
        with zipfile.ZipFile(photo_set(arguments.photos, arguments.set, 24, folder / "few.zip")) as few:
            photos = [few.read(name) for name in few.namelist()]
        crowd = photo_set(arguments.photos, "small", arguments.crowd, folder / "crowd.zip")
        bare = _bare(arguments.backend)
        idle = of("decoding and network alone", bare, photos, arguments.requests)
        unhurried = {"requests_per_minute": 0, "address_requests_per_minute": 0}
        with stack(backend=arguments.backend, **unhurried) as shoebox, shoebox.client() as client:
            judged = partial(_classified, httpx.Client(base_url=shoebox.url, headers={"X-API-Key": shoebox.key}))
            for photo in photos[:5]:
                judged(photo)
            alone = of("POST /v1/classify, idle", judged, photos, arguments.requests)
            job = client.submit([of_path(crowd)])
            while job.refresh().counts.done == 0:
                time.sleep(0.1)
            beside = of("POST /v1/classify, beside a large job", judged, photos, arguments.requests)
            left = job.refresh().counts.pending
            client.cancel(job.id)
    print(f"{left} of the {arguments.crowd} photos beside it were still to do; {len(os.sched_getaffinity(0))} cores")
    print(f"idle: {alone[0] - idle[0]:.1f} ms above the bare work (medians); p99 under load {beside[1]:.0f} ms")
    return 0


def of(name: str, judge: Callable[[bytes], None], photos: list[bytes], count: int) -> tuple[float, float]:
    """Median and 99th percentile in milliseconds, printed under ``name``."""
    taken = []
    for photo in itertools.islice(itertools.cycle(photos), count):
        time.sleep(PAUSE_SECONDS)
        began = time.perf_counter()
        judge(photo)
        taken.append(1000 * (time.perf_counter() - began))
    taken.sort()
    median, p99 = taken[count // 2], taken[min(count - 1, round(0.99 * count))]
    print(f"{name:<40} p50 {median:7.1f} ms   p99 {p99:7.1f} ms", flush=True)
    return median, p99


def _classified(http: httpx.Client, photo: bytes) -> None:
    answer = http.post("/v1/classify", content=photo, headers={"Content-Type": "image/jpeg"}, timeout=60)
    assert answer.status_code == 200, answer.text


def _bare(name: str) -> Callable[[bytes], None]:
    threadpool_limits(limits=1, user_api="blas")
    bundle = Bundle.open(BUILT_IN / "scenes")
    backend = open_backend(name, bundle)
    backend.run(np.zeros((1, bundle.input_size, bundle.input_size, 3), np.uint8))

    def judge(photo: bytes) -> None:
        backend.run(decode(photo, bundle.input_size, Limits()).pixels[None])

    return judge


if __name__ == "__main__":
    sys.exit(main())
