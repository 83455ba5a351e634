"""Blobs: seen whole or not at all, under names the server chose, read by position."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from db.blobs import BlobMissing, FileBlobs, open_blobs
from db.ids import new_id


@pytest.fixture
def blobs(tmp_path: Path) -> FileBlobs:
    return FileBlobs(tmp_path / "blobs")


def store(blobs: FileBlobs, data: bytes) -> str:
    """The key of a new blob."""
    writer = blobs.create()
    writer.write(data)
    return writer.commit()


def names(blobs: FileBlobs) -> list[str]:
    return sorted(entry.name for entry in blobs.folder.iterdir())


def test_a_blob_is_not_seen_before_it_is_whole(blobs: FileBlobs) -> None:
    writer = blobs.create()
    writer.write(b"one ")
    (part,) = names(blobs)
    assert part.endswith(".part")
    with pytest.raises(BlobMissing):
        blobs.open(part.removesuffix(".part"))
    writer.write(b"two")
    key = writer.commit()
    assert names(blobs) == [key]
    reader = blobs.open(key)
    assert (reader.size, reader.read_at(0, 100)) == (7, b"one two")
    reader.close()


def test_an_aborted_blob_leaves_nothing(blobs: FileBlobs) -> None:
    writer = blobs.create()
    writer.write(b"half")
    writer.abort()
    writer.abort()
    assert names(blobs) == []


def test_abort_after_commit_does_nothing(blobs: FileBlobs) -> None:
    writer = blobs.create()
    key = writer.commit()
    writer.abort()
    assert names(blobs) == [key]


def test_a_deleted_blob_is_gone_and_may_be_deleted_again(blobs: FileBlobs) -> None:
    key = store(blobs, b"x")
    reader = blobs.open(key)
    blobs.delete(key)
    blobs.delete(key)
    assert reader.read_at(0, 1) == b"x"  # who has it open reads on
    reader.close()
    with pytest.raises(BlobMissing):
        blobs.open(key)


@pytest.mark.parametrize(
    "key", ["", "../secret", "/etc/passwd", "a" * 26, "A" * 25, "A" * 27, "A" * 26 + "\n", "A" * 25 + "/"]
)
def test_only_its_own_names_reach_the_disk(blobs: FileBlobs, key: str) -> None:
    (blobs.folder.parent / "secret").write_bytes(b"secret")
    with pytest.raises(BlobMissing):
        blobs.open(key)
    with pytest.raises(BlobMissing):
        blobs.delete(key)


def test_a_key_that_was_never_there_is_missing(blobs: FileBlobs) -> None:
    with pytest.raises(BlobMissing):
        blobs.open(new_id())


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
@given(data=some.binary(max_size=300), offset=some.integers(0, 400), length=some.integers(0, 400))
def test_reads_are_slices(blobs: FileBlobs, data: bytes, offset: int, length: int) -> None:
    reader = blobs.open(store(blobs, data))
    assert reader.read_at(offset, length) == data[offset : offset + length]
    reader.close()


def test_threads_read_one_blob_at_once(blobs: FileBlobs) -> None:
    data = bytes(range(256)) * 256
    reader = blobs.open(store(blobs, data))
    start = threading.Barrier(8)

    def read(number: int) -> bool:
        start.wait()
        offsets = range(number, len(data), 997)
        return all(reader.read_at(offset, 500) == data[offset : offset + 500] for offset in offsets)

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(read, range(8)))
    reader.close()


def test_the_folder_is_its_users_alone(blobs: FileBlobs) -> None:
    assert blobs.folder.stat().st_mode & 0o777 == 0o700
    assert blobs.free_bytes() > 0


def test_free_space_of_a_folder_that_is_gone_is_an_error(blobs: FileBlobs) -> None:
    blobs.folder.rmdir()
    with pytest.raises(OSError, match="blobs"):
        blobs.free_bytes()


def test_a_store_is_opened_by_its_url(tmp_path: Path) -> None:
    store_ = open_blobs(f"file://{tmp_path}/my%20blobs")
    assert isinstance(store_, FileBlobs)
    assert (tmp_path / "my blobs").is_dir()


@pytest.mark.parametrize("url", ["", "/plain/path", "s3://bucket/prefix", "http://host/blobs"])
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="SHOEBOX_BLOBS_URL"):
        open_blobs(url)


def test_everything_of_ours_is_listed(blobs: FileBlobs) -> None:
    key = store(blobs, b"1234")
    half = blobs.create()
    half.write(b"12")
    (blobs.folder / "lost+found").mkdir()
    (blobs.folder / "notes.txt").write_bytes(b"x")
    found = sorted((file.whole, file.bytes) for file in blobs.files())
    assert found == [(False, 2), (True, 4)]
    assert [file.name for file in blobs.files() if file.whole] == [key]
    assert all(0 <= file.age < 60 for file in blobs.files())
    half.abort()


def test_only_old_files_are_deleted(blobs: FileBlobs) -> None:
    key, kept = store(blobs, b"x"), store(blobs, b"y")
    for name in (key, kept):
        os.utime(blobs.folder / name, (0, 0))
    blobs.touch(kept)
    assert blobs.delete_old(key, 3600)
    assert not blobs.delete_old(key, 3600)
    assert not blobs.delete_old(kept, 3600)
    assert names(blobs) == [kept]
    with pytest.raises(BlobMissing):
        blobs.touch(key)
    with pytest.raises(BlobMissing):
        blobs.delete_old("../secret", 0)
