"""The bytes of an uploaded archive, read by offset, and the two ways to refuse the whole of it."""

import os
from threading import Lock
from typing import BinaryIO, Protocol


class UnsafeArchive(Exception):
    """The archive contradicts itself or asks for more than it may; the message says how, in one sentence."""

    code = "unsafe_archive"


class CorruptArchive(Exception):
    """The archive is cut off or damaged; the message says how, in one sentence."""

    code = "corrupt_archive"


class Reader(Protocol):
    """A blob of ``size`` bytes that can be read anywhere; safe to share between threads."""

    @property
    def size(self) -> int:
        """The blob's bytes."""

    def read_at(self, offset: int, length: int) -> bytes:
        """``length`` bytes from ``offset``: fewer only where the blob ends, none beyond it."""


class FileReader:
    """A `Reader` over an open, seekable binary file, which stays its owner's to close."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._lock = Lock()  # decoding threads read different entries of one file at once
        self.size = file.seek(0, os.SEEK_END)

    def read_at(self, offset: int, length: int) -> bytes:
        """``length`` bytes from ``offset``: fewer only where the file ends."""
        with self._lock:
            self._file.seek(offset)
            return self._file.read(length)
