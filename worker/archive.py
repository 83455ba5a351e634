"""ZIP archives, judged by their central directory alone: which files are photos, which are refused, which are junk.

The standard library's `zipfile` is not used to read: it accepts overlapping, prefixed and concatenated archives, and
entries shorter than they declare. Nothing here is ever written to a path.
"""

import stat
import zlib
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from model.verdict import Reason
from worker.archive_bytes import CorruptArchive, FileReader, Reader, UnsafeArchive
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
from worker.archive_end import End, find_end
from worker.archive_entry import DEFLATED, ENCRYPTED_FLAG, STORED, Entry, read_entry, too_large
from worker.archive_names import is_junk, read_name, show_name
from worker.archive_records import Record, records

__all__ = [
    "ArchiveLimits",
    "CorruptArchive",
    "End",
    "Entry",
    "Fate",
    "FileReader",
    "Photo",
    "Reader",
    "Refused",
    "Skipped",
    "UnsafeArchive",
    "find_end",
    "read_directory",
    "read_entry",
]


@dataclass(frozen=True, slots=True)
class Photo:
    """An entry to be read and judged."""

    entry: Entry


@dataclass(frozen=True, slots=True)
class Refused:
    """An entry that will not be read, with the reason and the sentence of its verdict."""

    position: int
    name: str
    reason: Reason
    explanation: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """A folder or a system's junk: counted, not judged."""

    name: str


Fate = Photo | Refused | Skipped


def read_directory(reader: Reader, limits: ArchiveLimits) -> Iterator[Fate]:
    """The fate of every entry, in the directory's order; ``position`` counts photos and refused from 0.

    The whole structure is checked before the first fate is given, so `UnsafeArchive` and `CorruptArchive` are raised
    here and no byte of an entry has been read by then. The directory is read twice and never held: 200,000 entries
    take 16 bytes each.
    """
    end = find_end(reader)
    starts = _check(reader, end, limits)
    return _fates(reader, end, limits, starts)


def _check(reader: Reader, end: End, limits: ArchiveLimits) -> "array[int]":
    """The entries' offsets in rising order, once they are known not to overlap and to fit the limits."""
    check_count(end, limits)
    check_directory(end, limits)
    starts, ends, declared = array("Q"), array("Q"), 0
    for record in records(reader, end):
        check_before_directory(record, end)
        starts.append(record.offset)
        ends.append(record.least_end)
        declared += record.size if record.size <= limits.max_entry_bytes else 0
    check_total(declared, limits)
    check_ratio(declared, reader.size, limits)
    starts, ends = array("Q", sorted(starts)), array("Q", sorted(ends))
    check_starts_at_once(starts)
    check_apart(starts, ends)
    return starts


def _fates(reader: Reader, end: End, limits: ArchiveLimits, starts: "array[int]") -> Iterator[Fate]:
    position = 0
    for record in records(reader, end):
        name = read_name(record)
        if is_junk(name, empty=record.size == 0):
            yield Skipped(show_name(name))
            continue
        refusal = _refusal(record, limits)
        if refusal:
            yield Refused(position, show_name(name), *refusal)
        else:
            after = bisect_right(starts, record.offset)
            yield Photo(
                Entry(
                    position=position,
                    name=show_name(name),
                    offset=record.offset,
                    compressed=record.compressed,
                    size=record.size,
                    method=record.method,
                    crc=record.crc,
                    name_crc=zlib.crc32(record.name),
                    end=starts[after] if after < len(starts) else end.directory,
                )
            )
        position += 1


def _refusal(record: Record, limits: ArchiveLimits) -> tuple[Reason, str] | None:
    """Why an entry may not be read, if so."""
    if record.flags & ENCRYPTED_FLAG:
        return Reason.ENCRYPTED_ENTRY, "The file is locked with a password."
    if stat.S_ISLNK(record.mode):
        return Reason.UNSAFE_ENTRY, "The entry is a link to another file, not a file."
    if record.method not in (STORED, DEFLATED):
        return Reason.UNSAFE_ENTRY, "The file is packed by a method that is not read; stored and deflated files are."
    if record.size > limits.max_entry_bytes:
        refusal = too_large(record.size, limits.max_entry_bytes)
        return refusal.reason, refusal.explanation
    return None
