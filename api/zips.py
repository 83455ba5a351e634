"""A ZIP of many small files, made while it is sent. Its directory lies on disk: memory is flat.

The standard library's writer keeps an object for each entry until the end, about 400 bytes and its name.
"""

import struct
import tempfile
import time
import zlib
from collections.abc import Iterable, Iterator

# A directory of so many bytes (about 7,000 entries) stays in memory.
DIRECTORY_IN_MEMORY = 2**20
PIECE_BYTES = 64 * 1024
_LOCAL = struct.Struct("<4s5H3L2H")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_END = struct.Struct("<4s4H2LH")
_END64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR = struct.Struct("<4sLQL")
_MOST, _MOST_SHORT = 0xFFFFFFFF, 0xFFFF
_UTF8_NAME, _DEFLATED = 1 << 11, 8
_PLAIN, _ZIP64 = 20, 45
_MADE_ON_UNIX, _REGULAR_FILE = 3 << 8, 0o100644 << 16


def zipped(files: Iterable[tuple[str, bytes]], start: int = 0) -> Iterator[bytes]:
    """The ZIP's bytes. ``files`` are names and contents below 4 GiB; ``start`` bytes stand before the ZIP."""
    moment = _moment()
    at, count, piece = start, 0, bytearray()
    with tempfile.SpooledTemporaryFile(DIRECTORY_IN_MEMORY, prefix="shoebox-zip-") as directory:
        for name, data in files:
            text = name.encode()
            squeezed = _deflated(data)
            common = (_UTF8_NAME, _DEFLATED, *moment, zlib.crc32(data), len(squeezed), len(data), len(text))
            piece += _LOCAL.pack(b"PK\3\4", _PLAIN, *common, 0) + text + squeezed
            directory.write(_record(common, text, at))
            at += _LOCAL.size + len(text) + len(squeezed)
            count += 1
            if len(piece) >= PIECE_BYTES:
                yield bytes(piece)
                piece.clear()
        length = directory.tell()
        yield bytes(piece)
        directory.seek(0)
        while part := directory.read(PIECE_BYTES):
            yield part
    yield _end(count, length, at)


def _record(common: tuple[int, ...], name: bytes, offset: int) -> bytes:
    extra = struct.pack("<2HQ", 1, 8, offset) if offset >= _MOST else b""
    version = _ZIP64 if extra else _PLAIN
    rest = (len(extra), 0, 0, 0, _REGULAR_FILE, min(offset, _MOST))
    return _CENTRAL.pack(b"PK\1\2", _MADE_ON_UNIX | version, version, *common, *rest) + name + extra


def _end(count: int, length: int, at: int) -> bytes:
    few = min(count, _MOST_SHORT)
    last = _END.pack(b"PK\5\6", 0, 0, few, few, min(length, _MOST), min(at, _MOST), 0)
    if count < _MOST_SHORT and length < _MOST and at < _MOST:
        return last
    wide = _END64.pack(b"PK\6\6", _END64.size - 12, _ZIP64, _ZIP64, 0, 0, count, count, length, at)
    return wide + _LOCATOR.pack(b"PK\6\7", 0, at + length, 1) + last


def _deflated(data: bytes) -> bytes:
    squeeze = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    return squeeze.compress(data) + squeeze.flush()


def _moment() -> tuple[int, int]:
    """Now, as MS-DOS wrote it."""
    now = time.localtime()
    return now.tm_hour << 11 | now.tm_min << 5 | now.tm_sec // 2, (
        now.tm_year - 1980
    ) << 9 | now.tm_mon << 5 | now.tm_mday
