"""Uploaded files, kept under names that the server chooses."""

import os
import re
import shutil
from pathlib import Path
from typing import BinaryIO, Protocol
from urllib.parse import unquote, urlsplit

from db.ids import new_id

_KEY = re.compile(r"[0-9A-Z]{26}")


class BlobMissing(Exception):
    """The blob is not there."""


class BlobWriter(Protocol):
    """A blob in the making: nothing can be seen of it before ``commit``."""

    def write(self, data: bytes) -> None:
        """Appends bytes. Raises OSError (ENOSPC) when the store is full."""

    def commit(self) -> str:
        """Makes the blob durable; returns its key."""

    def abort(self) -> None:
        """Drops what was written; after a commit it does nothing."""


class BlobReader(Protocol):
    """A stored blob, read by position from any thread."""

    @property
    def size(self) -> int:
        """Bytes in the blob."""

    def read_at(self, offset: int, length: int) -> bytes:
        """Up to ``length`` bytes from ``offset``: fewer only at the end."""

    def close(self) -> None:
        """Lets go of the file."""


class BlobStore(Protocol):
    """Where uploads are kept."""

    def create(self) -> BlobWriter:
        """A new blob to write to."""

    def open(self, key: str) -> BlobReader:
        """A stored blob. Raises BlobMissing."""

    def delete(self, key: str) -> None:
        """Deletes a blob; one that is gone already is no error."""

    def free_bytes(self) -> int:
        """How much more the store can take."""


class FileBlobs:
    """Blobs as files of one folder (mode 0700)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def create(self) -> "FileWriter":
        """A temporary file beside the blobs."""
        return FileWriter(self.folder, new_id())

    def open(self, key: str) -> "FileReader":
        """The stored file. Raises BlobMissing."""
        return FileReader(self._path(key))

    def delete(self, key: str) -> None:
        """Deletes the file if it is there."""
        self._path(key).unlink(missing_ok=True)

    def free_bytes(self) -> int:
        """Free space of the folder's disk. Raises OSError when the folder is gone."""
        return shutil.disk_usage(self.folder).free

    def _path(self, key: str) -> Path:
        if not _KEY.fullmatch(key):
            raise BlobMissing(f"{key!r} is no blob key")
        return self.folder / key


class FileWriter:
    """Writes a temporary file, then fsyncs and renames it."""

    def __init__(self, folder: Path, key: str) -> None:
        self._key = key
        self._path = folder / f"{key}.part"
        self._target = folder / key
        self._file: BinaryIO = self._path.open("xb", buffering=0)
        self._open = True

    def write(self, data: bytes) -> None:
        """Appends bytes. Raises OSError when the disk is full."""
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) :]

    def commit(self) -> str:
        """Makes file and name durable before anybody hears of the key."""
        os.fsync(self._file.fileno())
        self._file.close()
        self._path.rename(self._target)
        folder = os.open(self._target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        self._open = False
        return self._key

    def abort(self) -> None:
        """Closes and deletes the temporary file."""
        if self._open:
            self._file.close()
            self._path.unlink(missing_ok=True)
            self._open = False


class FileReader:
    """Positional reads of one file, safe from several threads."""

    def __init__(self, path: Path) -> None:
        try:
            self._descriptor = os.open(path, os.O_RDONLY)
        except FileNotFoundError as error:
            raise BlobMissing(path.name) from error
        self._size = os.fstat(self._descriptor).st_size

    @property
    def size(self) -> int:
        """Bytes in the file."""
        return self._size

    def read_at(self, offset: int, length: int) -> bytes:
        """Up to ``length`` bytes from ``offset``; one system call takes at most 2 GiB, so it asks again."""
        parts = []
        while length > 0:
            part = os.pread(self._descriptor, min(length, 1 << 30), offset)
            if not part:
                break
            parts.append(part)
            offset += len(part)
            length -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def close(self) -> None:
        """Closes the file."""
        os.close(self._descriptor)


def open_blobs(url: str) -> BlobStore:
    """The store behind a ``file:///folder`` URL. Raises ValueError for other schemes."""
    parts = urlsplit(url)
    if parts.scheme != "file":
        raise ValueError(f"SHOEBOX_BLOBS_URL: {parts.scheme or 'no scheme'!r} is not supported; use file:///a/folder.")
    return FileBlobs(Path(unquote(parts.path)))
