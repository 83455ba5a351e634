"""Entries: read back byte for byte, or refused with a reason that is theirs alone."""

import json
import struct
import tracemalloc
import zipfile
import zlib
from contextlib import suppress
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.verdict import Reason, Unreadable
from worker.archive import (
    ArchiveLimits,
    CorruptArchive,
    Entry,
    FileReader,
    Photo,
    Reader,
    Refused,
    UnsafeArchive,
    read_directory,
    read_entry,
)

MAX = 1 << 20


class Unseekable(BytesIO):
    """Where streaming tools write: they cannot go back to fill in sizes."""

    def seekable(self) -> bool:
        return False

    def seek(self, *_: int) -> int:
        raise OSError

    def tell(self) -> int:
        raise OSError


class Sparse:
    """A file of few bytes at far places; the rest reads as zeros."""

    def __init__(self, pieces: dict[int, bytes]) -> None:
        self._pieces = pieces
        self.size = max(at + len(piece) for at, piece in pieces.items())

    def read_at(self, offset: int, length: int) -> bytes:
        window = bytearray(max(0, min(length, self.size - offset)))
        for at, piece in self._pieces.items():
            first, last = max(at, offset), min(at + len(piece), offset + len(window))
            if first < last:
                window[first - offset : last - offset] = piece[first - at : last - at]
        return bytes(window)


def photos(reader: Reader) -> list[Entry]:
    return [fate.entry for fate in read_directory(reader, ArchiveLimits()) if isinstance(fate, Photo)]


def read_all(data: bytes) -> dict[str, bytes | Reason]:
    """Each entry's bytes, or why there are none."""
    reader, found = FileReader(BytesIO(data)), dict[str, bytes | Reason]()
    for entry in photos(reader):
        try:
            found[entry.name] = read_entry(reader, entry, MAX)
        except Unreadable as refusal:
            assert refusal.explanation.endswith(".")
            found[entry.name] = refusal.reason
    return found


def written(members: dict[str, bytes], method: int, file: BytesIO, force_zip64: bool = False) -> bytes:
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, data in members.items():
            with archive.open(name, "w", force_zip64=force_zip64) as out:
                out.write(data)
    return file.getvalue()


@settings(max_examples=60, deadline=None)
@given(
    members=st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/\\"), min_size=1, max_size=20),
        st.binary(min_size=1, max_size=3000),
        max_size=5,
    ),
    method=st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]),
    streamed=st.booleans(),
    zip64=st.booleans(),
    comment=st.binary(max_size=50),
)
def test_what_zipfile_writes_is_read_back(
    members: dict[str, bytes], method: int, streamed: bool, zip64: bool, comment: bytes
) -> None:
    numbered = {f"{number}{name}": data for number, (name, data) in enumerate(members.items())}
    data = written(numbered, method, Unseekable() if streamed else BytesIO(), zip64)
    reader = FileReader(BytesIO(data[:-2] + struct.pack("<H", len(comment)) + comment))
    assert [read_entry(reader, entry, MAX) for entry in photos(reader)] == list(numbered.values())


@settings(max_examples=200, deadline=None)
@given(
    changes=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=4),
    method=st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]),
    zip64=st.booleans(),
)
def test_a_damaged_archive_ends_typed(changes: list[tuple[int, int]], method: int, zip64: bool) -> None:
    data = bytearray(written({"1.jpg": b"picture" * 9, "2.jpg": b"other"}, method, BytesIO(), zip64))
    for at, byte in changes:
        data[at % len(data)] = byte
    with suppress(UnsafeArchive, CorruptArchive):
        read_all(bytes(data))


@pytest.mark.parametrize("method", [0, 8])
def test_a_photo_is_read_with_its_extra_fields_and_comment(zips: Any, method: int) -> None:
    member = zips.member(
        data=b"pixels" * 99, method=method, extra=b"\0\0\0\0", comment=b"!", local={"extra": b"\0\0\0"}
    )
    assert read_all(zips.archive(member)) == {"photo.jpg": b"pixels" * 99}


def test_a_zip_in_the_zip_is_only_bytes(zips: Any) -> None:
    inner = zips.archive(zips.member())
    assert read_all(zips.archive(zips.member(data=inner))) == {"photo.jpg": inner}


@pytest.mark.parametrize(
    ("says", "reason"),
    [
        ({"data": bytes(500_000), "method": 8, "size": 1000}, Reason.CORRUPT_IMAGE),  # 1000:1, declared small
        ({"data": bytes(1000), "method": 8, "size": 0}, Reason.CORRUPT_IMAGE),
        ({"data": b"x" * 100, "method": 8, "size": 101}, Reason.CORRUPT_IMAGE),
        ({"data": b"x" * 100, "size": 101}, Reason.CORRUPT_IMAGE),
        ({"data": b"x" * 100, "size": 99}, Reason.CORRUPT_IMAGE),
        ({"crc": 1}, Reason.CORRUPT_IMAGE),
        ({"crc": 1, "method": 8}, Reason.CORRUPT_IMAGE),
        ({"method": 8, "packed": b"\xff" * 20}, Reason.CORRUPT_IMAGE),
        ({"method": 8, "packed": b""}, Reason.CORRUPT_IMAGE),
        ({"method": 8, "packed": b"\0\0\0\xff\xff" * 2000}, Reason.CORRUPT_IMAGE),  # blocks of nothing
        ({"method": 8, "packed": zlib.compress(b"picture" * 50, wbits=-15)[:-1]}, Reason.CORRUPT_IMAGE),
        ({"data": b""}, Reason.EMPTY_FILE),
        ({"data": b"", "method": 8}, Reason.EMPTY_FILE),
        ({"data": bytes(MAX + 1), "method": 8}, Reason.FILE_TOO_LARGE),
    ],
)
def test_data_unlike_its_declaration_is_that_items_fault(zips: Any, says: dict[str, Any], reason: Reason) -> None:
    found = read_all(zips.archive(zips.member(name=b"bad.jpg", **says), zips.member()))
    assert found == {"bad.jpg": reason, "photo.jpg": b"picture"}


@pytest.mark.parametrize(
    "local",
    [
        {"mark": b"PK\x03\x05"},
        {"name": b"other.jpg"},
        {"name": b"photo.jpeg"},
        {"method": 8},
        {"flags": 1},
        {"size": 8},
        {"compressed": 8},
        {"crc": 1},
        {"size": 0, "compressed": 0, "crc": 0},
        {"size": 0xFFFFFFFF, "compressed": 0xFFFFFFFF},
        {"size": 0xFFFFFFFF, "compressed": 0xFFFFFFFF, "extra": struct.pack("<2H2Q", 1, 16, 7, 8)},
    ],
    ids=str,
)
def test_a_local_header_unlike_the_directory_is_unsafe(zips: Any, local: dict[str, Any]) -> None:
    found = read_all(zips.archive(zips.member(name=b"photo.jpg", local=local), zips.member(name=b"good.jpg")))
    assert found == {"photo.jpg": Reason.UNSAFE_ENTRY, "good.jpg": b"picture"}


@pytest.mark.parametrize(
    "local",
    [
        {"flags": 8, "size": 0, "compressed": 0, "crc": 0, "behind": b"PK\x07\x08" + bytes(12)},
        {"flags": 8, "size": 0, "compressed": 0, "crc": 0, "behind": bytes(12)},
        {"flags": 8, "size": 0xFFFFFFFF, "compressed": 0xFFFFFFFF, "crc": 0, "behind": bytes(24)},
        {"size": 0xFFFFFFFF, "compressed": 0xFFFFFFFF, "extra": struct.pack("<2H2Q", 1, 16, 7, 7)},
    ],
    ids=str,
)
def test_descriptors_and_zip64_headers_are_fine(zips: Any, local: dict[str, Any]) -> None:
    found = read_all(zips.archive(zips.member(local=local), zips.member(name=b"next.jpg")))
    assert found == {"photo.jpg": b"picture", "next.jpg": b"picture"}


def test_extra_fields_may_not_push_the_data_into_the_next_entry(zips: Any) -> None:
    data = bytearray(zips.archive(zips.member(), zips.member(name=b"next.jpg")))
    data[28:30] = struct.pack("<H", 45)  # the first header's extra fields now cover the second header
    assert read_all(bytes(data)) == {"photo.jpg": Reason.UNSAFE_ENTRY, "next.jpg": b"picture"}


def test_entries_beyond_four_gigabytes_are_read(zips: Any) -> None:
    far, huge = 6 << 30, 5 << 30
    first = zips.member(name=b"film.mov", data=b"", size=0xFFFFFFFF, compressed=0xFFFFFFFF)
    second = zips.member()
    first.extra = struct.pack("<2H2Q", 1, 16, huge, huge)
    first.local = {"extra": first.extra}
    second.offset, second.extra = 0xFFFFFFFF, struct.pack("<2HQ", 1, 8, far)
    directory = first.directory_bytes(0) + second.directory_bytes(far)
    at = far + len(second.local_bytes())
    end = zips.end64(2, len(directory), at) + zips.end(0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF)
    archive = Sparse({0: first.local_bytes(), far: second.local_bytes(), at: directory + end})
    film, photo = read_directory(archive, ArchiveLimits())
    assert isinstance(film, Refused) and film.reason is Reason.FILE_TOO_LARGE
    assert isinstance(photo, Photo) and photo.entry.offset == far
    assert read_entry(archive, photo.entry, MAX) == b"picture"


def test_an_entry_survives_json(zips: Any) -> None:
    (entry,) = photos(FileReader(BytesIO(zips.archive(zips.member(name="日本.jpg".encode())))))
    assert Entry.from_row(json.loads(json.dumps(entry.to_row()))) == entry


def test_an_archive_that_shrank_is_typed(zips: Any) -> None:
    data = zips.archive(zips.member(data=b"x" * 100))
    (entry,) = photos(FileReader(BytesIO(data)))
    for kept, reason in ((20, Reason.UNSAFE_ENTRY), (90, Reason.CORRUPT_IMAGE)):
        with pytest.raises(Unreadable) as refusal:
            read_entry(FileReader(BytesIO(data[:kept])), entry, MAX)
        assert refusal.value.reason is reason


def test_a_refusal_for_size_tells_the_limit(zips: Any) -> None:
    reader = FileReader(BytesIO(zips.archive(zips.member())))
    (entry,) = photos(reader)
    assert read_entry(reader, entry, 7) == b"picture"
    with pytest.raises(Unreadable) as refusal:
        read_entry(reader, entry, 6)
    assert refusal.value.scores["file"].value == 7 and refusal.value.scores["file"].threshold == 6


@pytest.mark.parametrize("declared", [20_000_000, 1000])
def test_inflating_takes_no_more_memory_than_declared(zips: Any, declared: int) -> None:
    data = zips.archive(zips.member(data=bytes(20_000_000), method=8, size=declared))
    reader = FileReader(BytesIO(data))
    (entry,) = photos(reader)
    tracemalloc.start()
    try:
        if declared == 20_000_000:
            assert len(read_entry(reader, entry, declared)) == declared
        else:
            with pytest.raises(Unreadable):
                read_entry(reader, entry, declared)
        assert tracemalloc.get_traced_memory()[1] < 2.2 * declared + 1_000_000
    finally:
        tracemalloc.stop()
