"""The quota: counted while it is written, seen across processes, given back."""

import errno
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Thread

import pytest

from db.blobs import FileBlobs, FileWriter
from db.database import Database
from db.quota import LOOK_SECONDS, QuotaBlobs, with_quota


@pytest.fixture
def disk(tmp_path: Path) -> FileBlobs:
    return FileBlobs(tmp_path / "blobs")


def store(blobs: FileBlobs | QuotaBlobs, size: int) -> str:
    """The key of a new blob of so many bytes."""
    writer = blobs.create()
    writer.write(bytes(size))
    return writer.commit()


def test_what_goes_beyond_is_refused_in_the_middle_of_a_file(disk: FileBlobs) -> None:
    blobs = QuotaBlobs(disk, 1000)
    store(blobs, 600)
    writer = blobs.create()
    writer.write(bytes(300))
    with pytest.raises(OSError) as refused:
        writer.write(bytes(101))
    assert refused.value.errno == errno.EDQUOT
    assert blobs.room() == 100
    writer.abort()
    assert blobs.room() == 400
    store(blobs, 400)
    assert blobs.room() == 0


def test_what_lies_there_already_counts_and_half_written_files_do(disk: FileBlobs) -> None:
    store(disk, 700)
    half = disk.create()
    half.write(bytes(200))
    (disk.folder / "lost+found").write_bytes(bytes(50))
    assert QuotaBlobs(disk, 1000).room() == 100
    half.abort()


def test_room_that_another_process_made_is_found_at_once(disk: FileBlobs) -> None:
    key = store(disk, 1000)
    blobs = QuotaBlobs(disk, 1000)
    assert blobs.room() == 0
    disk.delete(key)
    time.sleep(0.05)
    store(blobs, 1000)


def test_what_another_process_stored_is_found_in_time(disk: FileBlobs, monkeypatch: pytest.MonkeyPatch) -> None:
    blobs = QuotaBlobs(disk, 1000)
    store(disk, 900)
    assert blobs.room() == 1000
    later = time.monotonic() + LOOK_SECONDS + 1
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert blobs.room() == 100


def test_uploads_at_once_share_it(disk: FileBlobs) -> None:
    blobs = QuotaBlobs(disk, 10_000)

    def upload(_: int) -> int:
        writer = blobs.create()
        try:
            for _ in range(20):
                writer.write(bytes(100))
        except OSError:
            writer.abort()
            return 0
        writer.commit()
        return 2000

    with ThreadPoolExecutor(16) as threads:
        kept = sum(threads.map(upload, range(16)))
    assert kept <= 10_000
    assert sum(file.bytes for file in disk.files()) == kept
    assert QuotaBlobs(disk, 10_000).room() == 10_000 - kept


def test_an_upload_that_is_broken_off_is_counted_as_gone_once(disk: FileBlobs, monkeypatch: pytest.MonkeyPatch) -> None:
    blobs = QuotaBlobs(disk, 1000)
    store(blobs, 600)
    writer = blobs.create()
    writer.write(bytes(300))
    delete = FileWriter.abort

    def deleted_while_another_looks(self: FileWriter) -> None:
        delete(self)
        time.sleep(0.1)  # a look just now may have cost something
        other = Thread(target=blobs.room, args=(10_000,))
        other.start()
        other.join(0.3)
        looking.append(other)

    looking: list[Thread] = []
    monkeypatch.setattr(FileWriter, "abort", deleted_while_another_looks)
    writer.abort()
    looking[0].join()
    assert blobs.room() == 400


def test_where_rows_are_counted_each_upload_counts_once(disk: FileBlobs) -> None:
    rows = 300
    blobs = QuotaBlobs(disk, 1000, lambda: rows)

    def room() -> int:
        """What is left after a look."""
        time.sleep(0.01)
        return blobs.room(10_000)

    assert room() == 700
    writer = blobs.create()
    writer.write(bytes(200))
    assert room() == 500
    key, other = writer.commit(), store(blobs, 100)
    assert room() == 400
    blobs.touch(key)
    rows += 200
    assert room() == 400
    blobs.delete(other)
    assert room() == 500
    broken = blobs.create()
    broken.write(bytes(400))
    with pytest.raises(OSError) as refused:
        broken.write(bytes(101))
    assert refused.value.errno == errno.EDQUOT
    broken.abort()
    rows -= 200
    assert room() == 700


def test_without_a_quota_there_is_none(disk: FileBlobs, tmp_path: Path) -> None:
    assert with_quota(disk, 0, Database(f"sqlite:///{tmp_path / 'shoebox.db'}")) is disk
    assert disk.room() > 1000
