"""Real processes whose memory the system limits: smaller batches, no dead workers, no answer to the wrong picture."""

import subprocess
import sys
import zipfile
from pathlib import Path
from resource import RLIM_INFINITY, RLIMIT_AS, prlimit

import pytest
from running import CLASSIFY, Running, running, wait_until

from client.upload import of_path
from model.bundle import Bundle

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="address space is limited on Linux alone")
ROOT = Path(__file__).parents[2]
MIB = 2**20
PROCESSOR = ("onnxruntime", "openvino-fp32")

OPENED = """
import resource, sys
from pathlib import Path
import numpy as np
from model.backends.base import DeviceOutOfMemory
from model.bundle import Bundle
from model.backends.choose import open_backend

bundle = Bundle.open(Path(sys.argv[1]))
backend = open_backend(sys.argv[2], bundle, "cpu")
pixels = np.random.default_rng(0).integers(0, 255, (1024, bundle.input_size, bundle.input_size, 3), np.uint8)

def leave(mib):
    held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (held + mib * 2**20, resource.RLIM_INFINITY))
"""

HALVED = """
expected = backend.run(pixels[:4]).logits
leave(48)
size = len(pixels)
while size:
    try:
        found = backend.run(pixels[:size]).logits
        break
    except DeviceOutOfMemory:
        size //= 2
assert 1 <= size < len(pixels), size
assert np.allclose(found[:4], expected[: len(found)], atol=1e-2)
"""

ENOUGH_FOR_ALL = """
first = backend.run(pixels[:64])
leave(48)
found = backend.run(pixels)
assert np.allclose(found.logits[:64], first.logits, atol=1e-4)
assert np.allclose(found.features[:64], first.features, atol=1e-4)
"""

AFTERWARDS = """
leave(1)
eaten = []
try:
    while True:
        eaten.append(bytearray(2**16))
except MemoryError:
    pass
try:
    backend.run(pixels[:64])
    raise SystemExit("it fitted")
except DeviceOutOfMemory:
    del eaten
resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
found = backend.run(pixels[:64]).logits
expected = np.concatenate([backend.run(pixels[at : at + 1]).logits for at in range(64)])
assert np.allclose(found, expected, atol=1e-4)
"""

ANSWERS = """
import resource, sys
from io import BytesIO
from pathlib import Path
from PIL import Image
from model.limits import Limits
from model.sandbox import DecodePool

def picture(colour):
    target = BytesIO()
    Image.new("RGB", (4000, 4000), colour).save(target, "PNG")
    return target.getvalue()

def decoded(colour, size):
    data = picture(colour)
    return tuple(pool.submit(lambda: data, size).result(60).pixels[7, 7])

with DecodePool(1, Limits()) as pool:
    assert decoded("red", 64) == (255, 0, 0)
    held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (held + 40 * 2**20, resource.RLIM_INFINITY))
    try:
        decoded("lime", 4000)  # 48 MB of pixels, for which there is no room
        raise SystemExit("it fitted")
    except MemoryError:
        pass
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert decoded("blue", 4000) == (0, 0, 255), "the answer to another picture"
    assert decoded("red", 64) == (255, 0, 0)
"""

WORK = """
from celery import Celery
from worker.duties import Activity
from worker.senders import BULK, TASKS
from worker.tasks import register_classify
from worker.wake import Wake

app = Celery()
register_classify(app, lambda: len(bytearray(2**62)), Activity(), Wake())
app.tasks[TASKS[BULK]].apply()
raise SystemExit("it lived on")
"""


def run(code: str, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_network_without_memory_for_a_batch_takes_a_smaller_one(tiny_bundle: Bundle) -> None:
    run(OPENED + HALVED, str(tiny_bundle.path), "torch")


@pytest.mark.parametrize("backend", PROCESSOR)
def test_a_network_that_runs_in_parts_has_memory_for_any_batch(tiny_bundle: Bundle, backend: str) -> None:
    run(OPENED + ENOUGH_FOR_ALL, str(tiny_bundle.path), backend)


@pytest.mark.parametrize("backend", PROCESSOR)
def test_a_network_without_memory_says_so_and_goes_on(tiny_bundle: Bundle, backend: str) -> None:
    run(OPENED + AFTERWARDS, str(tiny_bundle.path), backend)


def test_no_picture_gets_the_answer_of_one_for_which_there_was_no_memory() -> None:
    run(ANSWERS)


@pytest.mark.parametrize("backend", ["onnxruntime", "openvino-fp32"])
def test_a_worker_short_of_memory_finishes_the_job(
    tiny_bundle: Bundle,
    scene,  # type: ignore[no-untyped-def]
    tmp_path: Path,
    backend: str,
) -> None:
    with zipfile.ZipFile(tmp_path / "trip.zip", "w") as archive:
        for n in range(400):
            archive.writestr(f"{n}.jpg", scene(("sea", "forest", "sunset")[n % 3], n % 12))
    with running(tiny_bundle, backend=backend, batch_size=1, decoders=1, keep_uploads=0) as shoebox:
        # What is limited is addresses, and the C library would take 64 MiB of these for each thread, used or not.
        shoebox.environment["MALLOC_ARENA_MAX"] = "1"
        # As seldom as in production: a sweep that meets a batch at the limit ends the worker, as it should.
        shoebox.environment["SHOEBOX_SWEEP_SECONDS"] = "10"
        shoebox.start()
        wait_until(shoebox.is_ready, 90, shoebox.logs)
        enough = addresses(shoebox.processes[CLASSIFY].pid, "VmPeak")
        shoebox.kill(CLASSIFY)
        # A full batch at once would want more than 300 MiB for its first layer alone.
        shoebox.environment["SHOEBOX_BATCH_SIZE"] = "512"
        shoebox.start(CLASSIFY)
        prlimit(shoebox.processes[CLASSIFY].pid, RLIMIT_AS, (enough + 120 * MIB, RLIM_INFINITY))
        job = shoebox.client.submit([of_path(tmp_path / "trip.zip")])
        wait_until(lambda: job.refresh().finished, 120, shoebox.logs)
        counts = job.view.counts
        assert (counts.total, counts.accepted, counts.failed) == (400, 400, 0), shoebox.logs()
        assert alone(shoebox), "the worker died"


def test_a_worker_whose_own_memory_ran_out_ends_at_once() -> None:
    done = subprocess.run([sys.executable, "-c", WORK], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "out_of_memory" in done.stdout + done.stderr


def addresses(pid: int, kind: str) -> int:
    """A process's address space in bytes: ``VmSize`` now, ``VmPeak`` the most it has had."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(kind))) * 1024


def alone(shoebox: Running) -> bool:
    """Whether the worker is the one that was started, and was limited."""
    process = shoebox.processes[CLASSIFY]
    return process.poll() is None and prlimit(process.pid, RLIMIT_AS)[0] != RLIM_INFINITY
