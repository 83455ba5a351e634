"""The records of a ZIP whose entries are stored and written in one go (APPNOTE 6.3.10), as bytes.

The standard library's writer keeps an object for each entry until the end: 100,000 entries took 38 MB. Here a finished
entry is its record in the directory, about 100 bytes, which the caller may keep on disk.
"""

import struct
import time
from dataclasses import dataclass

_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR = struct.Struct("<4sLQL")
_FULL, _FULL_SHORT = 0xFFFFFFFF, 0xFFFF
# Sizes and checksum stand behind the data; the name is UTF-8.
_FLAGS = 1 << 3 | 1 << 11
_PLAIN, _ZIP64 = 20, 45
_MADE_ON_UNIX = 3 << 8
_REGULAR_FILE = 0o100644 << 16


@dataclass(frozen=True, slots=True)
class Entry:
    """A file about to be written: its name in UTF-8, when it was changed (seconds since 1970), whether it may be large.

    A file that is not ``large`` may not pass 4 GiB - 1 byte.
    """

    name: bytes
    changed: float
    large: bool

    def header(self) -> bytes:
        """What stands before the data."""
        version, size, extra = _PLAIN, 0, b""
        if self.large:
            version, size, extra = _ZIP64, _FULL, struct.pack("<2H2Q", 1, 16, 0, 0)
        numbers = (version, _FLAGS, 0, *_moment(self.changed), 0, size, size, len(self.name), len(extra))
        return _LOCAL.pack(b"PK\3\4", *numbers) + self.name + extra

    def descriptor(self, crc: int, size: int) -> bytes:
        """What stands behind the data."""
        return struct.pack("<4sL2Q" if self.large else "<4s3L", b"PK\7\10", crc, size, size)

    def record(self, crc: int, size: int, offset: int) -> bytes:
        """Its record in the directory; ``offset`` is where its header begins, in bytes."""
        wide = [value for value in (size, size, offset) if value >= _FULL]
        extra = struct.pack(f"<2H{len(wide)}Q", 1, 8 * len(wide), *wide) if wide else b""
        version = _ZIP64 if self.large or wide else _PLAIN
        sizes = (crc, min(size, _FULL), min(size, _FULL))
        numbers = (_MADE_ON_UNIX | version, version, _FLAGS, 0, *_moment(self.changed), *sizes)
        rest = (len(self.name), len(extra), 0, 0, 0, _REGULAR_FILE, min(offset, _FULL))
        return _CENTRAL.pack(b"PK\1\2", *numbers, *rest) + self.name + extra


def end(count: int, length: int, start: int) -> bytes:
    """What ends a ZIP of ``count`` entries whose directory begins at ``start`` and has ``length`` bytes."""
    last = _END.pack(
        b"PK\5\6", 0, 0, *[min(count, _FULL_SHORT)] * 2, min(length, _FULL), min(start, _FULL), 0
    )  # fmt: skip
    if count < _FULL_SHORT and length < _FULL and start < _FULL:
        return last
    wide = _END64.pack(b"PK\6\6", 44, _ZIP64, _ZIP64, 0, 0, count, count, length, start)
    return wide + _LOCATOR.pack(b"PK\6\7", 0, start + length, 1) + last


def _moment(seconds: float) -> tuple[int, int]:
    """Time and date as MS-DOS wrote them, in local time; cameras without a clock write dates before its first year."""
    try:
        at = time.localtime(seconds)
    except (OverflowError, ValueError, OSError):
        return 0, 1 << 5 | 1
    if not 1980 <= at.tm_year <= 2107:
        return 0, 1 << 5 | 1
    return at.tm_hour << 11 | at.tm_min << 5 | at.tm_sec // 2, (at.tm_year - 1980) << 9 | at.tm_mon << 5 | at.tm_mday
