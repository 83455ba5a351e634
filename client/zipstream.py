"""A folder of photos as a ZIP that is made while it is read: no temporary copy, flat memory."""

import os
import stat
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import IO, Protocol

from blake3 import blake3
from isal.isal_zlib import crc32

from client import zipformat
from client.folder import Member

CHUNK = 256 * 1024
# Small files are put together: a chunk for each header and descriptor would be a packet for each.
GATHER = 64 * 1024
# The directory of so many bytes (about 40,000 photos) stays in memory, a longer one goes to a temporary file.
DIRECTORY_IN_MEMORY = 4 * 2**20
# A file may grow while it is read; from here on its entry is written so that it may pass 4 GiB.
_ZIP64_FROM = 2**30
_LARGEST_PLAIN = 2**32 - 2


class Record(Protocol):
    """Hears of each photo that was read to its end: its place in the ZIP from 0, and its BLAKE3 digest (32 bytes)."""

    def __call__(self, member: Member, position: int, digest: bytes) -> None:
        """One photo."""


@dataclass(slots=True)
class ZipStream:
    """The ZIP of ``members`` as chunks of bytes; iterating again starts again and gives the same bytes.

    Photos are stored, for they are compressed already. ``left_out`` names (`zip_name`) the files of the last pass that
    could not be opened, which are not in it, or not be read to their end, which are in it as far as they could be read.
    ``begin`` is called at the start of each pass, ``record`` for each whole photo, ``finish`` when a pass is complete.
    """

    members: Iterable[Member]
    left_out: list[str] = field(default_factory=list)
    begin: Callable[[], None] | None = None
    record: Record | None = None
    finish: Callable[[], None] | None = None

    def __iter__(self) -> Iterator[bytes]:
        self.left_out.clear()
        if self.begin is not None:
            self.begin()
        with tempfile.SpooledTemporaryFile(DIRECTORY_IN_MEMORY) as directory:
            yield from _gathered(self._pieces(directory))
        if self.finish is not None:
            self.finish()

    def _pieces(self, directory: IO[bytes]) -> Iterator[bytes]:
        at = count = 0
        for member in self.members:
            try:
                file = _open(member)
            except OSError:
                self.left_out.append(zip_name(member.name).decode())
                continue
            offset = at
            entry = zipformat.Entry(zip_name(member.name), member.mtime_ns / 1e9, member.size >= _ZIP64_FROM)
            at += len(header := entry.header())
            yield header
            crc, size, digest = 0, 0, blake3()
            with file:
                # What has grown past the room that its header left is far too large for a photo: its end stays behind.
                while chunk := self._chunk(file, member, CHUNK if entry.large else min(CHUNK, _LARGEST_PLAIN - size)):
                    crc, size = crc32(chunk, crc), size + len(chunk)
                    digest.update(chunk)
                    yield chunk
            at += size + len(descriptor := entry.descriptor(crc, size))
            yield descriptor
            directory.write(entry.record(crc, size, offset))
            if self.record is not None and not (self.left_out and self.left_out[-1] == entry.name.decode()):
                self.record(member, count, digest.digest())
            count += 1
        length = directory.tell()
        directory.seek(0)
        while chunk := directory.read(CHUNK):
            yield chunk
        yield zipformat.end(count, length, at)

    def _chunk(self, file: IO[bytes], member: Member, most: int) -> bytes:
        try:
            return file.read(most)
        except OSError:
            self.left_out.append(zip_name(member.name).decode())
            return b""


def zip_name(name: str) -> bytes:
    """A file's name as it stands in the ZIP: UTF-8, bytes that are none as ``%E9``, ``\\`` (a separator there) too."""
    raw = name.encode(errors="surrogateescape")
    text = raw.decode(errors="surrogateescape").replace("\\", "%5C")
    return "".join(f"%{ord(c) - 0xDC00:02X}" if "\udc80" <= c <= "\udcff" else c for c in text).encode()


def _open(member: Member) -> IO[bytes]:
    # What has become a pipe since it was found would never end, or never open.
    file = os.open(member.path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise OSError(f"{member.path} is no ordinary file")
    return open(file, "rb", buffering=0)  # noqa: PTH123


def _gathered(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in pieces of at least `GATHER`, but for the last."""
    held = bytearray()
    for piece in pieces:
        if not held and len(piece) >= GATHER:
            yield piece
            continue
        held += piece
        if len(held) >= GATHER:
            yield bytes(held)
            held.clear()
    if held:
        yield bytes(held)
