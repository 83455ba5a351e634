"""The road of a ZIP through real processes, and the faults it survives."""

import io
import os
import signal
import threading
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from running import API, CLASSIFY, CONTROL, REDIS, Running, running, wait_until

from client.errors import Refused, ShoeboxError
from client.job import Job
from client.upload import Upload, of_path
from db.query.items import every_item
from model.bundle import Bundle

KINDS = ("sunset", "forest", "sea")


@pytest.fixture(scope="module")
def shoebox(tiny_bundle: Bundle) -> Iterator[Running]:
    """One running Shoebox for the tests of this file; each leaves it whole."""
    with running(tiny_bundle) as stack:
        yield stack.start().ready()


@pytest.fixture(scope="module")
def photos(scene) -> list[bytes]:  # type: ignore[no-untyped-def]
    """A few drawn pictures; archives repeat them under other names."""
    return [scene(KINDS[i % 3], i) for i in range(12)]


def archive(folder: Path, photos: list[bytes], count: int, name: str = "trip.zip") -> Upload:
    """A ZIP of ``count`` photos, ready to send."""
    with zipfile.ZipFile(folder / name, "w") as zip_:
        for i in range(count):
            zip_.writestr(f"day {i // 100}/{i}.jpg", photos[i % len(photos)])
    return of_path(folder / name)


def positions(shoebox: Running, job: Job) -> Counter[int]:
    """How many rows each position of the job has, counted in the database itself."""
    return Counter(item.position for item in every_item(shoebox.database, job.id))


def assert_whole(shoebox: Running, job: Job, total: int) -> None:
    """The job is completed, every item has exactly one row, and the counts are the rows'."""
    view = job.refresh()
    assert view.state == "completed", shoebox.logs()
    rows = positions(shoebox, job)
    assert rows == Counter(range(total))
    counts = view.counts
    assert counts.total == total == counts.accepted + counts.rejected + counts.failed
    assert counts.pending == counts.canceled == 0


def test_a_zip_becomes_verdicts(shoebox: Running, photos: list[bytes], tmp_path: Path) -> None:
    job = shoebox.client.submit([archive(tmp_path, photos, 100)])
    view = job.wait(timeout=60)
    assert_whole(shoebox, job, 100)
    assert view.counts.accepted > 60
    labels = {item.label for item in shoebox.client.items(job.id, decision="accepted")}
    assert labels == set(KINDS)


def test_a_single_image_takes_the_same_road(shoebox: Running, photos: list[bytes], tmp_path: Path) -> None:
    path = tmp_path / "one.jpg"
    path.write_bytes(photos[0])
    item = shoebox.client.classify(of_path(path))
    assert (item.name, item.decision, item.label) == ("one.jpg", "accepted", "sunset")


def test_killing_the_worker_five_times_loses_nothing(shoebox: Running, photos: list[bytes], tmp_path: Path) -> None:
    job = shoebox.client.submit([archive(tmp_path, photos, 1500)])
    for _ in range(5):
        done = job.refresh().counts.done
        wait_until(lambda done=done: job.refresh().counts.done > done, 45, shoebox.logs)  # type: ignore[misc]
        assert shoebox.kill(CLASSIFY) == -signal.SIGKILL
        shoebox.start(CLASSIFY)
    job.wait(timeout=90)
    assert_whole(shoebox, job, 1500)


def test_a_frozen_worker_cannot_write_once_its_lease_is_lost(
    shoebox: Running, photos: list[bytes], tmp_path: Path
) -> None:
    job = shoebox.client.submit([archive(tmp_path, photos, 800)])
    wait_until(lambda: job.refresh().counts.done > 0, 30, shoebox.logs)
    frozen = shoebox.processes[CLASSIFY]
    shoebox.freeze(frozen)
    shoebox.start(CLASSIFY)
    try:
        wait_until(lambda: job.refresh().state == "completed", 60, shoebox.logs)
    finally:
        frozen.send_signal(signal.SIGCONT)
    wait_until(lambda: "lease_lost" in (shoebox.home / f"{CLASSIFY}.log").read_text(), 20, shoebox.logs)
    frozen.terminate()
    frozen.wait(20)
    assert_whole(shoebox, job, 800)


def test_redis_may_forget_everything(shoebox: Running, photos: list[bytes], tmp_path: Path) -> None:
    jobs = [shoebox.client.submit([archive(tmp_path, photos, 300, f"{i}.zip")]) for i in range(3)]
    shoebox.redis().flushall()
    for job in jobs:
        job.wait(timeout=60)
        assert_whole(shoebox, job, 300)


def test_jobs_are_taken_while_redis_is_down(shoebox: Running, photos: list[bytes], tmp_path: Path) -> None:
    shoebox.kill(REDIS)
    jobs = []
    for i in range(3):
        began = time.monotonic()
        jobs.append(shoebox.client.submit([archive(tmp_path, photos, 50, f"{i}.zip")]))
        assert time.monotonic() - began < 5
    shoebox.start(REDIS)
    for job in jobs:
        # Workers that Celery has left deaf end by themselves; nobody supervises them here: the test does.
        wait_until(lambda job=job: _revived(shoebox, job), 60, shoebox.logs)  # type: ignore[misc]
        assert_whole(shoebox, job, 50)


def _revived(shoebox: Running, job: Job) -> bool:
    for name in (CONTROL, CLASSIFY):
        if shoebox.processes[name].poll() is not None:
            shoebox.start(name)
    return job.refresh().state == "completed"


def test_a_stop_hands_work_back_within_five_seconds(shoebox: Running, photos: list[bytes], tmp_path: Path) -> None:
    job = shoebox.client.submit([archive(tmp_path, photos, 1000)])
    wait_until(lambda: job.refresh().counts.done > 0, 30, shoebox.logs)
    began = time.monotonic()
    assert shoebox.kill(CLASSIFY, signal.SIGTERM) == 0
    assert time.monotonic() - began < 6
    with shoebox.database.read() as session:
        assert not session.connection().exec_driver_sql("SELECT 1 FROM shards WHERE state = 'leased'").all()
    shoebox.start(CLASSIFY)
    job.wait(timeout=60)
    assert_whole(shoebox, job, 1000)


def test_cancel_keeps_what_is_judged(shoebox: Running, photos: list[bytes], tmp_path: Path) -> None:
    job = shoebox.client.submit([archive(tmp_path, photos, 3000)])
    wait_until(lambda: job.refresh().counts.done > 0, 30, shoebox.logs)
    shoebox.client.cancel(job.id)
    view = job.wait(timeout=20)
    assert view.state == "canceled"
    assert view.counts.pending == 0 and view.counts.canceled > 0
    judged = view.counts.accepted + view.counts.rejected + view.counts.failed
    assert len(positions(shoebox, job)) == judged == 3000 - view.counts.canceled
    with pytest.raises(Refused):
        shoebox.client.cancel(job.id)


def test_a_small_job_does_not_wait_for_a_huge_one(shoebox: Running, photos: list[bytes], tmp_path: Path) -> None:
    huge = shoebox.client.submit([archive(tmp_path, photos, 5000, "huge.zip")])
    wait_until(lambda: huge.refresh().counts.done > 0, 30, shoebox.logs)
    small = shoebox.client.submit([archive(tmp_path, photos, 50, "small.zip")])
    small.wait(timeout=30)
    assert huge.refresh().counts.pending > 1000
    assert_whole(shoebox, small, 50)
    shoebox.client.cancel(huge.id)
    huge.wait(timeout=20)


@pytest.mark.parametrize(
    ("hurt", "error"), [(Path.unlink, "blob_missing"), (lambda blob: os.truncate(blob, 100), "blob_changed")]
)
def test_a_blob_that_vanished_or_changed_fails_its_job_alone(
    shoebox: Running, photos: list[bytes], tmp_path: Path, hurt: Callable[[Path], None], error: str
) -> None:
    shoebox.kill(CONTROL)
    doomed = shoebox.client.submit([archive(tmp_path, photos, 20, "doomed.zip")])
    blobs = Path(shoebox.settings.blobs.removeprefix("file://"))
    newest = max(blobs.iterdir(), key=lambda path: path.name)
    hurt(newest)
    shoebox.start(CONTROL)
    view = doomed.wait(timeout=30)
    assert (view.state, view.error) == ("failed", error)
    fine = shoebox.client.submit([archive(tmp_path, photos, 20, "fine.zip")])
    fine.wait(timeout=30)
    assert_whole(shoebox, fine, 20)


def test_a_single_image_whose_bytes_changed_fails_its_job(
    shoebox: Running, photos: list[bytes], tmp_path: Path
) -> None:
    """It would still be a picture: only its digest tells."""
    shoebox.kill(CLASSIFY)
    path = tmp_path / "one.jpg"
    path.write_bytes(photos[0])
    doomed = shoebox.client.submit([of_path(path)])
    blobs = Path(shoebox.settings.blobs.removeprefix("file://"))
    newest = max(blobs.iterdir(), key=lambda path: path.name)
    newest.write_bytes(photos[0][:-2] + bytes(2))
    shoebox.start(CLASSIFY)
    view = doomed.wait(timeout=30)
    assert (view.state, view.error) == ("failed", "blob_changed")


def test_an_api_killed_before_its_hint_delays_but_loses_nothing(
    shoebox: Running, photos: list[bytes], tmp_path: Path
) -> None:
    accepted: list[Job] = []

    def send() -> None:
        for i in range(200):
            try:
                accepted.append(shoebox.client.submit([archive(tmp_path, photos, 2, f"{i}.zip")]))
            except ShoeboxError:
                return

    sender = threading.Thread(target=send)
    sender.start()
    wait_until(lambda: len(accepted) >= 5, 30, shoebox.logs)
    shoebox.kill(API)
    shoebox.start(API).ready()
    sender.join(60)
    for job in accepted:
        job.wait(timeout=60)
        assert_whole(shoebox, job, 2)


def test_a_damaged_model_refuses_to_start(tiny_bundle: Bundle) -> None:
    with running(tiny_bundle) as stack:
        graph = stack.home / "models" / "tiny" / "model.onnx"
        data = bytearray(graph.read_bytes())
        data[len(data) // 2] ^= 1
        graph.write_bytes(bytes(data))
        stack.start(REDIS, CLASSIFY)
        assert stack.processes[CLASSIFY].wait(30) == 1
        assert "model.onnx" in (stack.home / f"{CLASSIFY}.log").read_text()


def test_everything_in_one_archive(shoebox: Running, photos: list[bytes], tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as zip_:
        zip_.writestr("good.jpg", photos[0])
        zip_.writestr("notes.txt", "no picture")
        zip_.writestr("half.jpg", photos[1][: len(photos[1]) // 2])
        zip_.writestr("__MACOSX/._good.jpg", b"junk")
        zip_.writestr("inner.zip", b"PK\x03\x04" + bytes(100))
        zip_.writestr("empty.jpg", b"")
    path = tmp_path / "mixed.zip"
    path.write_bytes(buffer.getvalue())
    job = shoebox.client.submit([of_path(path)])
    view = job.wait(timeout=30)
    found = {item.name: (item.decision, item.reason) for item in shoebox.client.items(job.id)}
    assert found == {
        "good.jpg": ("accepted", None),
        "notes.txt": ("rejected", "not_an_image"),
        "half.jpg": ("rejected", "corrupt_image"),
        "inner.zip": ("rejected", "unsupported_format"),
        "empty.jpg": ("rejected", "empty_file"),
    }
    assert (view.outcome, view.counts.skipped) == ("partial", 1)
