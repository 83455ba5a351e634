"""The end of a ZIP: the records that say where its directory lies and how much it holds (APPNOTE 4.3.14 to 4.3.16)."""

import struct
from dataclasses import dataclass

from worker.archive_bytes import CorruptArchive, Reader, UnsafeArchive

RECORD_BYTES = 46  # a directory record without its name, extra fields and comment

_END = struct.Struct("<4s4H2LH")
_END_MARK = b"PK\x05\x06"
_LOCATOR = struct.Struct("<4sLQL")
_LOCATOR_MARK = b"PK\x06\x07"
_END64 = struct.Struct("<4sQ2H2L4Q")
_END64_MARK = b"PK\x06\x06"
_LONGEST_COMMENT = 0xFFFF


@dataclass(frozen=True, slots=True)
class End:
    """Where the directory is: ``count`` records in ``length`` bytes from ``directory``. Nothing else lies behind it."""

    directory: int
    length: int
    count: int


def find_end(reader: Reader) -> End:
    """Find the archive's end record and check it against the file's size, reading at most 64 KiB and a few bytes.

    Raises `CorruptArchive` where the end is missing or cut (an upload that broke off: worth telling the sender at
    once), `UnsafeArchive` where there is an end that contradicts the file (left to fail the source).
    """
    tail_at = max(0, reader.size - _END.size - _LONGEST_COMMENT)
    tail = reader.read_at(tail_at, reader.size - tail_at)
    position = tail_at + _end_record(tail, tail_at)
    _, *claim, _ = _END.unpack_from(tail, position - tail_at)
    behind, claim = _zip64(reader, position, claim)
    disk, directory_disk, here, count, length, directory = claim
    if disk or directory_disk:
        raise UnsafeArchive("This is one part of a split archive; please send it as a single ZIP.")
    if directory + length > behind:
        raise UnsafeArchive("The archive's table of contents lies outside the archive.")
    if directory + length < behind:
        raise UnsafeArchive("The archive has foreign data in front of it or around its table of contents.")
    if here != count or count * RECORD_BYTES > length or (count == 0 and behind > 0):
        raise UnsafeArchive("The archive claims a number of files that it cannot hold.")
    return End(directory, length, count)


def _end_record(tail: bytes, tail_at: int) -> int:
    """Where in ``tail`` the one end record starts whose comment ends with the file."""
    exact: list[int] = []
    trailing = False
    found = tail.find(_END_MARK)
    while 0 <= found <= len(tail) - _END.size:
        *_, length, directory, comment = _END.unpack_from(tail, found)
        end = found + _END.size + comment
        if end == len(tail):
            exact.append(found)
        elif end < len(tail):
            large = tail.startswith(_LOCATOR_MARK, max(0, found - _LOCATOR.size))
            trailing = trailing or large or directory + length == tail_at + found
        found = tail.find(_END_MARK, found + 1)
    if len(exact) > 1:
        raise UnsafeArchive("The archive has more than one end, so that programs would disagree about what is in it.")
    if exact:
        return exact[0]
    # An end that fits its place is this archive's own. Others belong to archives inside one that was cut off.
    if trailing:
        raise UnsafeArchive("The archive goes on after its end.")
    raise CorruptArchive("The archive is incomplete: its end is missing. Please send it again.")


def _zip64(reader: Reader, position: int, claim: list[int]) -> tuple[int, list[int]]:
    """Where the directory must end, and the claim with its ZIP64 values where there are such."""
    at = position - _LOCATOR.size
    locator = reader.read_at(at, _LOCATOR.size) if at >= 0 else b""
    if not locator.startswith(_LOCATOR_MARK):
        return position, claim
    _, disk, start, disks = _LOCATOR.unpack(locator)
    record = reader.read_at(start, _END64.size) if start + _END64.size <= at else b""
    if not record.startswith(_END64_MARK) or disk or disks > 1:
        raise UnsafeArchive("The archive's large-file (ZIP64) end record is not where it should be.")
    _, length, _, _, *wide = _END64.unpack(record)
    agrees = all(
        short in (full, sentinel)
        for short, full, sentinel in zip(claim, wide, (0xFFFF,) * 4 + (0xFFFFFFFF,) * 2, strict=True)
    )
    if start + 12 + length != at or not agrees:
        raise UnsafeArchive("The archive's ordinary and large-file (ZIP64) end records contradict each other.")
    return start, wide
