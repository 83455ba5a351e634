"""Each check of an archive's structure by itself: what it accepts, and what it refuses in its own words."""

from array import array
from collections.abc import Callable

import pytest

from settings import Settings
from worker.archive_bytes import UnsafeArchive
from worker.archive_checks import (
    ArchiveLimits,
    check_apart,
    check_before_directory,
    check_count,
    check_directory,
    check_ratio,
    check_starts_at_once,
    check_total,
)
from worker.archive_end import End
from worker.archive_records import Record
from worker.limits import archive_limits_of

LIMITS = ArchiveLimits(max_entries=10, max_directory_bytes=500, max_total_bytes=1000, max_ratio=5, ratio_from_bytes=100)
Check = Callable[[], None]


def end(count: int = 1, length: int = 46, directory: int = 100) -> End:
    return End(directory, length, count)


def record(compressed: int) -> Record:
    """An entry at 0 with a name of 4 bytes."""
    return Record(0, 0, 0, compressed, compressed, 0, 0, b"name", b"")


def places(*numbers: int) -> "array[int]":
    return array("Q", numbers)


ACCEPTED: dict[str, Check] = {
    "as many entries as allowed": lambda: check_count(end(10), LIMITS),
    "a directory as large as allowed": lambda: check_directory(end(length=500), LIMITS),
    "an entry up to the directory": lambda: check_before_directory(record(66), end()),
    "as many bytes as allowed": lambda: check_total(1000, LIMITS),
    "as many times its size as allowed": lambda: check_ratio(500, 100, LIMITS),
    "a small archive of blank scans": lambda: check_ratio(100, 1, LIMITS),
    "no entries": lambda: check_starts_at_once(places()),
    "an entry at the very start": lambda: check_starts_at_once(places(0, 9)),
    "entries side by side": lambda: check_apart(places(0, 10, 20), places(10, 20, 30)),
    "entries with gaps": lambda: check_apart(places(0, 10, 20), places(5, 15, 30)),
}

REFUSED: dict[str, Check] = {
    "holds 11 files; at most 10 are allowed": lambda: check_count(end(11), LIMITS),
    "table of contents is too large": lambda: check_directory(end(length=501), LIMITS),
    "reaches into the archive's table of contents": lambda: check_before_directory(record(67), end()),
    "would unpack to 5.0 GiB; at most 0.0 GiB": lambda: check_total(5 * 2**30, LIMITS),
    "to 6 times its size; an archive of photos grows 5 times": lambda: check_ratio(600, 100, LIMITS),
    "foreign data in front": lambda: check_starts_at_once(places(1, 9)),
    "overlap": lambda: check_apart(places(0, 10, 20), places(11, 20, 30)),
    "[oO]verlap": lambda: check_apart(places(0, 0, 0), places(10, 10, 10)),
}


@pytest.mark.parametrize("check", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_accepted(check: Check) -> None:
    check()


@pytest.mark.parametrize("says", REFUSED)
def test_refused_in_its_own_words(says: str) -> None:
    with pytest.raises(UnsafeArchive, match=says) as refusal:
        REFUSED[says]()
    assert refusal.value.code == "unsafe_archive" and str(refusal.value).endswith(".")


def test_limits_are_settings() -> None:
    given = Settings(_env_file=None, max_entries=1, max_file_bytes=2, max_unpacked_bytes=3, max_ratio=4)
    limits = archive_limits_of(given)
    assert (limits.max_entries, limits.max_entry_bytes, limits.max_total_bytes, limits.max_ratio) == (1, 2, 3, 4)
    assert archive_limits_of(Settings(_env_file=None)) == ArchiveLimits()
