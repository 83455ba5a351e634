"""The frames between the pool and its children: fixed headers, plain JSON and raw bytes. Nothing is ever unpickled."""

import json
import struct
from enum import IntEnum
from typing import Any

# task, picture size in pixels, length of the file that follows
REQUEST = struct.Struct("!BIQ")
# status, length of the JSON that follows, length of the raw bytes after it
REPLY = struct.Struct("!BIQ")
MAX_JSON = 64 * 1024
MAX_PREVIEW = 64 * 2**20
READY = b"ready"
EXIT_OUT_OF_MEMORY = 77


class Task(IntEnum):
    """What the child is to make of the file."""

    DECODE = 1
    PREVIEW = 2


class Status(IntEnum):
    """How it went: the result, a refusal that speaks about the picture, or a fault in our own code."""

    DONE = 1
    UNREADABLE = 2
    BUG = 3


def pack_reply(status: Status, facts: dict[str, Any], payload: bytes = b"") -> bytes:
    """One whole reply."""
    text = json.dumps(facts, separators=(",", ":")).encode()
    return b"".join((REPLY.pack(status, len(text), len(payload)), text, payload))
