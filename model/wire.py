"""The frames between the pool and its children: fixed headers, facts and raw bytes. Nothing is ever unpickled."""

import struct
from collections.abc import Sequence
from enum import IntEnum

# task, picture size in pixels, length of the file that follows
REQUEST = struct.Struct("!BIQ")
# status, length of the facts that follow, length of the raw bytes after them
REPLY = struct.Struct("!BIQ")
MAX_FACTS = 64 * 1024
# width, height, the format's name; the statistics come after it. As JSON they took the parent 40 us a photo to read.
_DECODED = struct.Struct("!QQ16s")
MAX_PREVIEW = 64 * 2**20
READY = b"ready"
EXIT_OUT_OF_MEMORY = 77


class Task(IntEnum):
    """What the child is to make of the file."""

    DECODE = 1
    PREVIEW = 2


class Status(IntEnum):
    """How it went: the result, a refusal that speaks about the picture, or a fault in our own code (both as JSON)."""

    DONE = 1
    UNREADABLE = 2
    BUG = 3


def pack_reply(status: Status, facts: bytes = b"", payload: bytes = b"") -> bytes:
    """One whole reply."""
    return b"".join((REPLY.pack(status, len(facts), len(payload)), facts, payload))


def pack_decoded(width: int, height: int, name: str, statistics: Sequence[float]) -> bytes:
    """The facts of a decoded picture: its pixels, its format (16 bytes at most) and what was measured."""
    return _DECODED.pack(width, height, name.encode()) + struct.pack(f"!{len(statistics)}d", *statistics)


def unpack_decoded(facts: bytes, statistics: int) -> tuple[int, int, str, tuple[float, ...]]:
    """What `pack_decoded` got, with so many ``statistics``. ``ValueError`` or ``struct.error`` for anything else."""
    width, height, name = _DECODED.unpack_from(facts)
    return width, height, name.rstrip(b"\0").decode(), struct.unpack(f"!{statistics}d", facts[_DECODED.size :])


def decoded_bytes(size: int, statistics: int) -> int:
    """The length of the whole reply with a picture of ``size`` pixels a side."""
    return REPLY.size + _DECODED.size + 8 * statistics + 3 * size * size
