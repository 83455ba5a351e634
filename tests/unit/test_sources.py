"""Reading photos out of blobs: in few reads, no more than is wanted, and never what is not the one that was sent."""

import hashlib
import zipfile
from pathlib import Path
from typing import Any

import pytest

from db.blob_store import BlobMissing
from db.blobs import FileBlobs
from model.verdict import Unreadable
from worker.archive import ArchiveLimits, Entry, Photo, read_directory
from worker.sources import AT_ONCE_BYTES, SourceGone, Sources, open_source, reader_of


class Counting:
    """A blob that counts what is read of it, and that goes when it is told to."""

    def __init__(self, blob: Any) -> None:
        self._blob = blob
        self.size = blob.size
        self.reads: list[int] = []
        self.expected: list[tuple[int, int]] = []
        self.forgotten: list[tuple[int, int]] = []
        self.gone = False

    def read_at(self, offset: int, length: int) -> bytes:
        if self.gone:
            raise BlobMissing
        data: bytes = self._blob.read_at(offset, length)
        self.reads.append(len(data))
        return data

    def expect(self, offset: int, length: int) -> None:
        self.expected.append((offset, length))

    def forget(self, offset: int, length: int) -> None:
        self.forgotten.append((offset, length))

    def close(self) -> None:
        self._blob.close()


class CountingBlobs(FileBlobs):
    """A folder whose blobs count."""

    def open(self, key: str) -> Any:
        return Counting(super().open(key))


@pytest.fixture
def blobs(tmp_path: Path) -> CountingBlobs:
    return CountingBlobs(tmp_path / "blobs")


def store(blobs: CountingBlobs, data: bytes) -> str:
    writer = blobs.create()
    writer.write(data)
    return writer.commit()


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_photo_of_an_archive_is_one_read(blobs: CountingBlobs, tmp_path: Path, method: int) -> None:
    photos = [bytes([number]) * 200 + hashlib.sha512(bytes([number])).digest() * 9000 for number in range(20)]
    with zipfile.ZipFile(tmp_path / "a.zip", "w", method) as zip_:
        for number, photo in enumerate(photos):
            zip_.writestr(f"{number}.jpg", photo)
    data = (tmp_path / "a.zip").read_bytes()
    source = open_source(blobs, store(blobs, data), len(data))
    rows = [fate.entry.to_row() for fate in read_directory(source, ArchiveLimits()) if isinstance(fate, Photo)]
    counted = source._reader
    assert isinstance(counted, Counting)
    counted.reads.clear()
    read = [reader_of(source, row, 2**20)() for row in rows]
    assert read == photos
    if method == zipfile.ZIP_STORED:  # a part of what was read, not a copy
        assert all(isinstance(photo, memoryview) and len(photo.obj) > len(photo) for photo in read)
    assert len(counted.reads) == 20
    assert sum(counted.reads) < len(data) + 20 * 1024
    source.close()


def test_a_whole_file_is_read_once_and_must_be_the_one_that_was_sent(blobs: CountingBlobs) -> None:
    source = open_source(blobs, store(blobs, b"photo"), 5)
    assert reader_of(source, [0, "a.jpg"], 100, hashlib.sha256(b"photo").hexdigest())() == b"photo"
    assert source._reader.reads == [5]  # type: ignore[attr-defined]
    with pytest.raises(SourceGone) as other:
        reader_of(source, [0, "a.jpg"], 100, hashlib.sha256(b"other").hexdigest())()
    assert (other.value.code, other.value.blob) == ("blob_changed", source.key)
    with pytest.raises(Unreadable):
        reader_of(source, [0, "a.jpg"], 4, hashlib.sha256(b"other").hexdigest())()
    source.close()


def test_what_is_gone_or_of_another_size_is_told_apart(blobs: CountingBlobs) -> None:
    key = store(blobs, b"photo")
    with pytest.raises(SourceGone) as short:
        open_source(blobs, key, 6)
    assert short.value.code == "blob_changed"
    source = open_source(blobs, key, 5)
    source._reader.gone = True  # type: ignore[attr-defined]
    with pytest.raises(SourceGone) as gone:
        reader_of(source, [0, "a.jpg"], 100)()
    assert (gone.value.code, gone.value.blob) == ("blob_missing", key)
    source.close()
    blobs.delete(key)
    with pytest.raises(SourceGone) as missing:
        Sources(blobs).take(key, 5, [])
    assert missing.value.code == "blob_missing"


def test_what_is_read_at_once_is_expected_photo_by_photo(blobs: CountingBlobs) -> None:
    key = store(blobs, bytes(1000))
    sizes = {100: 40, 900: 50, 3000: AT_ONCE_BYTES, 5000: AT_ONCE_BYTES + 1}
    rows = [
        Entry(n, f"{n}.jpg", at, size, size, 0, 0, 0, at + size + 60).to_row()
        for n, (at, size) in enumerate(sizes.items())
    ]
    sources = Sources(blobs)
    source = sources.take(key, 1000, [*rows, [4, "a.jpg"], [5, "b.jpg", "unsafe_entry", "It is refused."]])
    # A header takes up to a kilobyte, but nothing of the next photo; one too large to be read at once is not.
    assert source._reader.expected == [(100, 100), (900, 110), (3000, AT_ONCE_BYTES + 60)]  # type: ignore[attr-defined]
    sources.give(key, [])


def test_what_was_read_of_an_archive_is_forgotten_and_nothing_beside_it(blobs: CountingBlobs) -> None:
    key = store(blobs, bytes(1000))
    sources = Sources(blobs)
    rows = [Entry(n, f"{n}.jpg", 100 * n, 40, 40, 0, 0, 0, 100 * n + 90).to_row() for n in range(10)]
    for _ in range(4):
        source = sources.take(key, 1000, rows[:1])
    sources.give(key, rows[2:5])
    sources.give(key, [rows[7], rows[6]])  # a directory need not be in the order of its files
    sources.give(key, [[0, "a.jpg"], [1, "b.jpg", "unsafe_entry", "It is refused."]])
    assert source._reader.forgotten == [(200, 290), (600, 190)]  # type: ignore[attr-defined]
    sources.give(key, rows[:1])
    with pytest.raises(KeyError):
        sources.give(key, rows[:1])
