"""Real hostile files, where a folder of them is given: each ends typed, quickly, in little memory, and alone."""

import os
import time
import zipfile
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import psutil
import pytest
from running import Running, running
from sandboxed import SIZE, decodes

from client.errors import Refused
from client.upload import UNKNOWN, ZIP, Upload
from model.bundle import Bundle
from model.limits import MIB, Limits
from model.sandbox import DecodePool
from model.verdict import Reason, Unreadable
from worker import sniff
from worker.archive import ArchiveLimits, CorruptArchive, FileReader, Photo, UnsafeArchive, read_directory, read_entry

CPU_SECONDS, MEMORY = 2, 512 * MIB
GOOD = 20
Spent = tuple[float, int]
Begun = tuple[DecodePool, Spent]


def pictures(data: bytes) -> Iterator[bytes]:
    """A file itself, or all that an archive lets be read; any other exception is a bug."""
    if sniff.sniff(data[: sniff.HEAD_BYTES]) != sniff.ZIP:
        yield data
        return
    reader, limits = FileReader(BytesIO(data)), ArchiveLimits()
    try:
        for fate in read_directory(reader, limits):
            if isinstance(fate, Photo):
                try:
                    yield read_entry(reader, fate.entry, limits.max_entry_bytes)
                except Unreadable as refusal:
                    assert refusal.explanation
    except (UnsafeArchive, CorruptArchive) as refusal:
        assert str(refusal)


def spent(pool: DecodePool) -> Spent:
    """Processor seconds and peak memory in bytes, of this process and the pool's one decoder."""
    (pid,) = pool.pids()
    decoder = psutil.Process(pid)
    peaks = [Path(f"/proc/{who}/status").read_text().split("VmHWM:")[1].split()[0] for who in ("self", pid)]
    return time.process_time() + sum(decoder.cpu_times()[:2]), sum(map(int, peaks)) * 1024


# Only there where the folder is: without it nothing is collected, and nothing is skipped.
if folder := os.environ.get("SHOEBOX_TEST_DATA"):
    HOSTILE = Path(folder) / "hostile.zip"
    with zipfile.ZipFile(HOSTILE) as archives:
        FILES = {name: archives.read(name) for name in archives.namelist()}

    @pytest.fixture(scope="module")
    def begun() -> Iterator[Begun]:
        """One decoder for all, and what it and this process had spent before the first file: the baseline."""
        with DecodePool(1, Limits()) as pool:
            assert decodes(pool)
            yield pool, spent(pool)

    @pytest.mark.parametrize("name", FILES)
    def test_a_hostile_file_ends_typed(name: str, begun: Begun) -> None:
        pool, (_, baseline) = begun
        (pid,), (cpu, _) = pool.pids(), spent(pool)
        for data in pictures(FILES[name]):
            try:
                pool.submit(lambda data=data: data, SIZE).result(timeout=60)  # type: ignore[misc]
            except Unreadable as refusal:
                assert refusal.explanation and refusal.reason not in (Reason.INTERNAL_ERROR, Reason.DECODER_CRASHED)
        assert pool.pids() == [pid], "the decoder did not survive"
        cpu_after, memory_after = spent(pool)
        assert cpu_after - cpu < CPU_SECONDS
        assert memory_after - baseline < MEMORY

    @pytest.fixture(scope="module")
    def shoebox(tiny_bundle: Bundle) -> Iterator[Running]:
        with running(tiny_bundle, decoders=2) as stack:
            yield stack.start().ready()

    def of_bytes(name: str, data: bytes, kind: str = UNKNOWN) -> Upload:
        return Upload(name, kind, lambda: [data], len(data), len(data))

    def test_all_of_them_in_one_archive_leave_the_rest_alone(shoebox: Running, scene: Callable[..., bytes]) -> None:
        buffer = BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for number, (name, data) in enumerate(FILES.items()):
                archive.writestr(name, data)
                if number % (len(FILES) // GOOD) == 0:
                    archive.writestr(f"good/{number}.jpg", scene("sea", number))
        job = shoebox.client.submit([of_bytes("hostile.zip", buffer.getvalue(), ZIP)])
        view = job.wait(timeout=200)
        items = list(job.items())
        good = [item.decision for item in items if item.name.startswith("good/")]
        assert view.state == "completed", shoebox.logs()
        assert len(good) >= GOOD and set(good) == {"accepted"}
        assert view.counts.total == len(items) == len(good) + len(FILES) - view.counts.skipped
        assert not {"internal_error", "worker_lost", "timeout", "decoder_crashed"} & {item.reason for item in items}
        assert all(process.poll() is None for process in shoebox.started)

    def test_each_sent_by_itself_is_judged_or_refused(shoebox: Running) -> None:
        jobs, refusals = {}, {}
        for name, data in FILES.items():
            try:
                jobs[name] = shoebox.client.submit([of_bytes(name.rsplit("/", 1)[-1], data)])
            except Refused as refusal:
                refusals[name] = refusal.status, refusal.code
        assert set(refusals.values()) == {(422, "corrupt_archive")}
        for name, job in jobs.items():
            view = job.wait(timeout=120)
            assert (view.state, view.error) in {
                ("completed", None),
                ("failed", "unsafe_archive"),
                ("failed", "corrupt_archive"),
            }, name
        assert all(process.poll() is None for process in shoebox.started)
        assert "Traceback" not in "".join(path.read_text() for path in shoebox.home.glob("*.log"))
