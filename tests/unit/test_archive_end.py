"""The end record: found in whole archives, missed in cut ones, refused where it contradicts the file."""

import tracemalloc
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest

from worker.archive import CorruptArchive, End, FileReader, UnsafeArchive, find_end

Build = Callable[[Any], bytes]


def whole(zips: Any) -> bytes:
    return bytes(zips.archive(zips.member(), zips.member(name=b"other.jpg")))


def large(zips: Any, end: bytes | None = None, **claims: int) -> bytes:
    """An archive with ZIP64 end records."""
    local, directory = zips.body([zips.member()])
    told = {"count": 1, "length": len(directory), "directory": len(local)} | claims
    short = zips.end(0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF) if end is None else end
    return bytes(local + directory + zips.end64(**told) + short)


def end_of(data: bytes) -> End:
    return find_end(FileReader(BytesIO(data)))


ACCEPTED: dict[str, Build] = {
    "empty": lambda zips: zips.archive(),
    "two files": whole,
    "comment": lambda zips: zips.archive(zips.member(), comment=b"holiday 2019"),
    "longest comment": lambda zips: zips.archive(zips.member(), comment=b"x" * 65535),
    "zip64": large,
    "zip64 that repeats the short values": lambda zips: large(zips, end=zips.end(1, 55, 46)),
    "a ZIP stored last": lambda zips: zips.archive(zips.member(name=b"inner.zip", data=whole(zips))),
    "an end's mark in the comment": lambda zips: zips.archive(zips.member(), comment=b"PK\x05\x06 is the mark"),
}

UNSAFE: dict[str, Build] = {
    "prefixed": lambda zips: b"MZ program" + whole(zips),
    "trailing": lambda zips: whole(zips) + b"more",
    "trailing zip64": lambda zips: large(zips) + b"more",
    "concatenated": lambda zips: whole(zips) + whole(zips),
    "an archive in the comment": lambda zips: zips.archive(zips.member(), comment=whole(zips)),
    "zip64 with another count": lambda zips: large(zips, end=zips.end(2, 55, 46)),
    "zip64 with another place": lambda zips: large(zips, end=zips.end(1, 55, 45)),
    "zip64 locator elsewhere": lambda zips: large(zips, start=3),
    "zip64 locator outside": lambda zips: large(zips, start=2**63),
    "billions of entries": lambda zips: large(zips, count=2**40),
    "65,535 entries": lambda zips: zips.archive(zips.member(), count=65535),
    "entries but no directory": lambda zips: zips.end(1, 0, 0),
    "files but no entries": lambda zips: zips.member().local_bytes() + zips.end(0, 0, 46),
    "directory outside": lambda zips: zips.end(1, 46, 2**31),
    "directory before a gap": lambda zips: (
        zips.archive(zips.member())[:-22] + b"gap" + zips.archive(zips.member())[-22:]
    ),
    "two counts": lambda zips: zips.member().local_bytes() + bytes(46) + zips.end(1, 46, 46, here=0),
    "split": lambda zips: zips.end(0, 0, 0, disk=1),
}

CORRUPT: dict[str, Build] = {
    "nothing": lambda zips: b"",
    "a picture": lambda zips: b"\xff\xd8\xff" * 1000,
    "cut comment": lambda zips: zips.archive(zips.member(), comment=b"holiday 2019")[:-3],
    "cut behind a ZIP inside": lambda zips: zips.archive(zips.member(data=whole(zips)))[:-30],
}


@pytest.mark.parametrize("build", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_a_whole_archive_ends(zips: Any, build: Build) -> None:
    data = build(zips)
    end = end_of(data)
    assert end.directory + end.length <= len(data) - 22


@pytest.mark.parametrize("build", UNSAFE.values(), ids=UNSAFE.keys())
def test_an_end_that_contradicts_the_file_is_unsafe(zips: Any, build: Build) -> None:
    with pytest.raises(UnsafeArchive) as refusal:
        end_of(build(zips))
    assert refusal.value.code == "unsafe_archive"
    assert str(refusal.value).endswith(".")


@pytest.mark.parametrize("build", CORRUPT.values(), ids=CORRUPT.keys())
def test_a_missing_end_is_corrupt(zips: Any, build: Build) -> None:
    with pytest.raises(CorruptArchive) as refusal:
        end_of(build(zips))
    assert refusal.value.code == "corrupt_archive"


def test_an_archive_cut_anywhere_is_corrupt(zips: Any) -> None:
    data = whole(zips)
    for kept in range(len(data)):
        with pytest.raises(CorruptArchive):
            end_of(data[:kept])


def test_values_come_from_zip64_where_the_short_ones_defer(zips: Any) -> None:
    assert end_of(large(zips)) == End(directory=46, length=55, count=1)


def test_claims_cost_no_memory(zips: Any) -> None:
    reader = FileReader(BytesIO(large(zips, count=2**63, length=2**63)))
    tracemalloc.start()
    try:
        with pytest.raises(UnsafeArchive):
            find_end(reader)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
