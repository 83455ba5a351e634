"""The records of a ZIP's central directory as they are written (APPNOTE 4.3.12), read through a small window."""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from worker.archive_bytes import CorruptArchive, Reader, UnsafeArchive
from worker.archive_end import RECORD_BYTES, End

LOCAL_HEADER_BYTES = 30  # without name and extra fields
SENTINEL = 0xFFFFFFFF  # "see the ZIP64 extra field"
ZIP64_FIELD = 0x0001

_RECORD = struct.Struct("<4s6H3L5H2L")
_MARK = b"PK\x01\x02"
_LONGEST = RECORD_BYTES + 3 * 0xFFFF
_WINDOW = 1 << 20
_MOST_FIELDS = 32  # honest tools write fewer than ten; 64 KiB of empty ones would be 16,000


class Record(NamedTuple):
    """One directory record: ``name`` and ``extra`` as raw bytes, ``mode`` the Unix mode bits (0: not given)."""

    flags: int
    method: int
    crc: int
    compressed: int
    size: int
    offset: int
    mode: int
    name: bytes
    extra: bytes

    @property
    def least_end(self) -> int:
        """The first byte behind the entry if its local header has no extra fields: it cannot end sooner."""
        return self.offset + LOCAL_HEADER_BYTES + len(self.name) + self.compressed


def records(reader: Reader, end: End) -> Iterator[Record]:
    """Every record in the directory's order, holding about a megabyte of it at a time.

    Raises `UnsafeArchive` where the directory holds more or fewer records than it claims, or ZIP64 values are missing,
    `CorruptArchive` where a record is none.
    """
    window, at, unread, stop = b"", 0, end.directory, end.directory + end.length
    for _ in range(end.count):
        if len(window) - at < _LONGEST and unread < stop:
            more = reader.read_at(unread, min(_WINDOW, stop - unread))
            if not more:
                raise CorruptArchive("The archive ends in its table of contents.")
            window, at, unread = window[at:] + more, 0, unread + len(more)
        if len(window) - at < RECORD_BYTES:
            raise UnsafeArchive("The archive claims more files than its table of contents lists.")
        mark, _, _, flags, method, _, _, crc, compressed, size, *lengths, disk, _, attributes, offset = (
            _RECORD.unpack_from(window, at)
        )
        if mark != _MARK:
            raise CorruptArchive("The archive's table of contents is damaged.")
        name_at = at + RECORD_BYTES
        extra_at = name_at + lengths[0]
        comment_at = extra_at + lengths[1]
        at = comment_at + lengths[2]
        if at > len(window):
            raise UnsafeArchive("The last file in the archive's table of contents is cut off.")
        name, extra = window[name_at:extra_at], window[extra_at:comment_at]
        if SENTINEL in (compressed, size, offset) or disk:
            size, compressed, offset = _wide(extra, size, compressed, offset, disk)
        yield Record(flags, method, crc, compressed, size, offset, attributes >> 16, name, extra)
    if at != len(window) or unread != stop:
        raise UnsafeArchive("The archive's table of contents lists more files than the archive claims.")


def find_fields(extra: bytes, wanted: int) -> Iterator[bytes]:
    """The contents of the extra fields of one kind. Padding that is no field (Android's tools align so) ends them."""
    at = 0
    for _ in range(_MOST_FIELDS):
        if at + 4 > len(extra):
            return
        kind, length = struct.unpack_from("<2H", extra, at)
        at += 4
        if kind == wanted and at + length <= len(extra):
            yield extra[at : at + length]
        at += length


def _wide(extra: bytes, size: int, compressed: int, offset: int, disk: int) -> tuple[int, int, int]:
    """Size, compressed size and offset, with the ZIP64 field's values for those that are sentinels."""
    field = next(find_fields(extra, ZIP64_FIELD), b"")
    numbers = [number for (number,) in struct.iter_unpack("<Q", field[: len(field) // 8 * 8])]
    values = [size, compressed, offset]
    if values.count(SENTINEL) > len(numbers):
        raise UnsafeArchive("The archive lacks the large-file (ZIP64) sizes of one of its files.")
    wide = iter(numbers)
    size, compressed, offset = (next(wide) if value == SENTINEL else value for value in values)
    if disk not in (0, 0xFFFF):
        raise UnsafeArchive("This is one part of a split archive; please send it as a single ZIP.")
    return size, compressed, offset
