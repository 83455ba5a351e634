"""What a store of uploaded files is, whoever keeps it, and what can go wrong with it."""

import errno
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

_KEY = re.compile(r"[0-9A-Z]{26}")


class BlobMissing(Exception):
    """The blob is not there."""


class BlobsAway(OSError):
    """The store does not answer, or has ``refused`` to: nothing is known of its blobs at present."""

    def __init__(self, why: str, *, refused: bool = False) -> None:
        super().__init__(errno.EIO, why)
        self.refused = refused


@dataclass(frozen=True, slots=True)
class BlobFile:
    """A file of the store: a blob if it is ``whole``. ``age``: seconds since it was written to or touched."""

    name: str
    bytes: int
    age: float

    @property
    def whole(self) -> bool:
        """Whether it is a blob, whose key is its name; the others are being written, or were given up."""
        return _KEY.fullmatch(self.name) is not None


class BlobWriter(Protocol):
    """A blob in the making: nothing can be seen of it before ``commit``."""

    def write(self, data: bytes | bytearray) -> None:
        """Appends bytes. Raises OSError (ENOSPC) when the store is full, and BlobsAway."""

    def commit(self) -> str:
        """Makes the blob durable; returns its key. Raises BlobsAway."""

    def abort(self) -> None:
        """Drops what was written; after a commit it does nothing."""


class BlobReader(Protocol):
    """A stored blob, read by position from any thread."""

    @property
    def size(self) -> int:
        """Bytes in the blob."""

    def read_at(self, offset: int, length: int) -> bytes:
        """Up to ``length`` bytes from ``offset``: fewer only at the end. Raises BlobMissing and BlobsAway."""

    def expect(self, offset: int, length: int) -> None:
        """These bytes will be read soon: they may be fetched meanwhile."""

    def forget(self, offset: int, length: int) -> None:
        """These bytes will hardly be read again: nobody need keep them in memory."""

    def close(self) -> None:
        """Lets go of the file."""


class BlobStore(Protocol):
    """Where uploads are kept. Whatever asks a store that others keep, over a network, may raise BlobsAway."""

    @property
    def place(self) -> str:
        """Where that is, in words."""

    def probe(self) -> None:
        """Raises OSError where nothing could be stored now."""

    def create(self) -> BlobWriter:
        """A new blob to write to."""

    def open(self, key: str) -> BlobReader:
        """A stored blob. Raises BlobMissing."""

    def delete(self, key: str) -> None:
        """Deletes a blob; one that is gone already is no error."""

    def free_bytes(self) -> int | None:
        """Free space of whatever holds the store; None: it has no bounds of its own."""

    def room(self, wanted: int = 1) -> int:
        """How much more may be stored; what it says of less than ``wanted`` is up to date."""

    def touch(self, key: str) -> None:
        """Makes a blob so young that nobody takes it for a forgotten one. Raises BlobMissing."""

    def files(self) -> Iterator[BlobFile]:
        """Everything the store holds, in no order."""

    def delete_old(self, name: str, seconds: float) -> bool:
        """Deletes a file unless it was written to or touched within so many seconds; whether it did."""
