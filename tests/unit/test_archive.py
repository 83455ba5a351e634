"""The directory of an archive: refused as a whole before any entry is read, or a fate for every entry."""

import tracemalloc
import zipfile
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest

from model.verdict import Reason
from worker.archive import (
    ArchiveLimits,
    CorruptArchive,
    Fate,
    FileReader,
    Photo,
    Refused,
    Skipped,
    UnsafeArchive,
    find_end,
    read_directory,
)

LIMITS = ArchiveLimits()
SMALL = ArchiveLimits(
    max_entries=3,
    max_directory_bytes=1000,
    max_entry_bytes=10_000,
    max_total_bytes=25_000,
    max_ratio=10,
    ratio_from_bytes=12_000,
)
Build = Callable[[Any], bytes]


class Recorder(FileReader):
    """A file that remembers which offsets were read."""

    def __init__(self, data: bytes) -> None:
        super().__init__(BytesIO(data))
        self.lowest = len(data)

    def read_at(self, offset: int, length: int) -> bytes:
        self.lowest = min(self.lowest, offset)
        return super().read_at(offset, length)


def fates(data: bytes, limits: ArchiveLimits = LIMITS) -> list[Fate]:
    return list(read_directory(FileReader(BytesIO(data)), limits))


def zeros(zips: Any, name: bytes, size: int, method: int = 8) -> Any:
    return zips.member(name=name, data=bytes(size), method=method)


UNSAFE: dict[str, Build] = {
    "overlapping": lambda zips: zips.overlapping(100, bytes(10_000)),
    "two overlapping": lambda zips: zips.overlapping(2, b"x"),
    "a thousand entries on one header": lambda zips: zips.archive(
        zips.member(), *(zips.member(offset=0, packed=b"") for _ in range(999))
    ),
    "an entry inside another": lambda zips: zips.archive(zips.member(), zips.member(offset=20)),
    "an entry over the next": lambda zips: zips.archive(
        zips.member(compressed=8, local={"compressed": 7}), zips.member()
    ),
    "an entry into the directory": lambda zips: zips.archive(zips.member(compressed=8)),
    "an entry beyond the file": lambda zips: zips.archive(zips.member(offset=2**31)),
    "an entry at the end of numbers": lambda zips: zips.archive(
        zips.member(offset=0xFFFFFFFF, extra=b"\x01\0\x08\0" + b"\xff" * 8)
    ),
    "zip64 sizes missing": lambda zips: zips.archive(zips.member(size=0xFFFFFFFF)),
    "zip64 sizes cut": lambda zips: zips.archive(zips.member(size=0xFFFFFFFF, extra=b"\x01\0\x08\0" + bytes(4))),
    "fewer entries claimed": lambda zips: zips.archive(zips.member(), zips.member(), count=1),
    "more entries claimed": lambda zips: zips.archive(zips.member(comment=bytes(46)), count=2),
    "prefixed, with offsets that know it": lambda zips: zips.archive(
        zips.member(name=b"program", hidden=True), zips.member()
    ),
    "last record cut": lambda zips: cut_record(zips),
}


def cut_record(zips: Any) -> bytes:
    local, directory = zips.body([zips.member(comment=b"gone")])
    return bytes(local + directory[:-4] + zips.end(1, len(directory) - 4, len(local)))


OVER_LIMIT: dict[str, Build] = {
    "4 files; at most 3": lambda zips: zips.archive(*(zips.member() for _ in range(4))),
    "table of contents is too large": lambda zips: zips.archive(zips.member(comment=bytes(1000))),
    "unpack to 0.0 GiB": lambda zips: zips.archive(
        *(zeros(zips, b"%d" % number, 9000, method=0) for number in range(3))
    ),
    "times its size": lambda zips: zips.archive(zeros(zips, b"a", 9000), zeros(zips, b"b", 9000)),
}

WITHIN_LIMIT: dict[str, Build] = {
    "entries": lambda zips: zips.archive(*(zips.member() for _ in range(3))),
    "directory": lambda zips: zips.archive(zips.member(comment=bytes(900))),
    "total": lambda zips: zips.archive(*(zeros(zips, b"%d" % number, 8000, method=0) for number in range(3))),
    "blank scans": lambda zips: zips.archive(zeros(zips, b"a", 9000)),
    "declared by one that is refused": lambda zips: zips.archive(zips.member(size=2**31)),
}


@pytest.mark.parametrize("build", UNSAFE.values(), ids=UNSAFE.keys())
def test_a_structure_that_lies_is_unsafe_before_any_entry_is_read(zips: Any, build: Build) -> None:
    data = build(zips)
    reader = Recorder(data)
    end = find_end(reader)
    reader.lowest = len(data)
    with pytest.raises(UnsafeArchive) as refusal:
        read_directory(reader, LIMITS)
    assert str(refusal.value).endswith(".")
    assert reader.lowest >= min(end.directory, len(data) - 22 - 65535)


@pytest.mark.parametrize("says", OVER_LIMIT)
def test_an_archive_over_a_limit_is_told_which(zips: Any, says: str) -> None:
    with pytest.raises(UnsafeArchive, match=says):
        fates(OVER_LIMIT[says](zips), SMALL)


@pytest.mark.parametrize("build", WITHIN_LIMIT.values(), ids=WITHIN_LIMIT.keys())
def test_an_archive_within_the_limits_is_read(zips: Any, build: Build) -> None:
    assert fates(build(zips), SMALL)


def test_a_record_that_is_none_is_corrupt(zips: Any) -> None:
    with pytest.raises(CorruptArchive):
        fates(zips.archive(zips.member()).replace(b"PK\x01\x02", b"PK\x01\x03"))


def test_gaps_between_entries_are_fine(zips: Any) -> None:
    assert len(fates(zips.archive(zips.member(), zips.member(name=b"deleted", hidden=True), zips.member()))) == 2


def test_entries_in_another_order_than_the_directory_are_fine(zips: Any) -> None:
    first, second = zips.member(name=b"1"), zips.member(name=b"2")
    local, (a, b) = first.local_bytes() + second.local_bytes(), (first.directory_bytes(0), second.directory_bytes(38))
    found = fates(local + b + a + zips.end(2, len(a + b), len(local)))
    assert [(fate.entry.name, fate.entry.end) for fate in found if isinstance(fate, Photo)] == [("2", 76), ("1", 38)]


@pytest.mark.parametrize(
    ("says", "reason"),
    [
        ({"flags": 1}, Reason.ENCRYPTED_ENTRY),
        ({"flags": 1, "method": 99}, Reason.ENCRYPTED_ENTRY),
        ({"mode": 0o120777, "data": b"/etc/passwd"}, Reason.UNSAFE_ENTRY),
        ({"method": 9}, Reason.UNSAFE_ENTRY),  # deflate64
        ({"method": 12}, Reason.UNSAFE_ENTRY),  # bzip2
        ({"method": 14}, Reason.UNSAFE_ENTRY),  # lzma
        ({"method": 93}, Reason.UNSAFE_ENTRY),  # zstd
        ({"size": LIMITS.max_entry_bytes + 1}, Reason.FILE_TOO_LARGE),
    ],
)
def test_an_entry_is_refused_and_the_rest_goes_on(zips: Any, says: dict[str, Any], reason: Reason) -> None:
    refused, photo = fates(zips.archive(zips.member(name=b"bad.jpg", **says), zips.member()))
    assert isinstance(refused, Refused)
    assert (refused.position, refused.name, refused.reason) == (0, "bad.jpg", reason)
    assert refused.explanation.endswith(".")
    assert isinstance(photo, Photo) and photo.entry.position == 1


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_that_take_much_memory_are_refused_in_real_archives(method: int) -> None:
    file = BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        archive.writestr("photo.jpg", b"picture")
    assert [fate.reason for fate in fates(file.getvalue()) if isinstance(fate, Refused)] == [Reason.UNSAFE_ENTRY]


def test_positions_count_what_is_not_skipped(zips: Any) -> None:
    names = [b"__MACOSX/._1.jpg", b"1.jpg", b"album/", b"album/2.jpg", b".DS_Store", b"3.jpg"]
    found = fates(zips.archive(*(zips.member(name=name, data=b"" if name.endswith(b"/") else b"x") for name in names)))
    assert [fate.entry.position for fate in found if isinstance(fate, Photo)] == [0, 1, 2]
    assert [fate.name for fate in found if isinstance(fate, Skipped)] == ["__MACOSX/._1.jpg", "album/", ".DS_Store"]


def test_duplicate_names_are_two_photos(zips: Any) -> None:
    first, second = fates(zips.archive(zips.member(data=b"one"), zips.member(data=b"two")))
    assert isinstance(first, Photo) and isinstance(second, Photo)
    assert first.entry.name == second.entry.name
    assert (first.entry.position, second.entry.position) == (0, 1)


def test_an_archive_of_nothing_has_no_fates(zips: Any) -> None:
    assert fates(zips.archive()) == []


def test_a_large_directory_is_never_held() -> None:
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for number in range(4000):
            archive.writestr(f"{number:04d}{'x' * 2000}.jpg", b"")
    reader = FileReader(file)
    tracemalloc.start()
    try:
        assert sum(isinstance(fate, Photo) for fate in read_directory(reader, LIMITS)) == 4000
        # The window is a megabyte, held up to three times while it moves on; the directory is 8 MB.
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()
