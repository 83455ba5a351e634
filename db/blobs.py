"""Uploaded files in a folder, kept under names that the server chooses; and the store behind a URL."""

import os
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

from db.blob_store import BlobFile, BlobMissing, BlobStore
from db.ids import new_id

_KEY = re.compile(r"[0-9A-Z]{26}")
_FILE = re.compile(r"[0-9A-Z]{26}(\.part)?")
# So many bytes are sent on to the disk while more come. Without it the disk began with half of an upload when all of it
# was there: 1.3 GB took 0.6 to 1.2 s for the fsync at the end, now 0.01 s.
FLUSH_BYTES = 8 * 2**20
# A blob of so many bytes stays in the system's memory. Of a larger one that comes, only the last so many do, where the
# disk has the rest, and what was judged of it goes too: that memory is used again at once. New memory is dear on a
# virtual machine whose host takes back what is free: 1.3 GB were written in 1.0 to 3.0 s, and are now in 0.5.
KEPT_BYTES = 64 * 2**20
# Linux reads ahead no more for one call than a device takes at once: 42 MB asked for together were 8.
AHEAD_BYTES = 2**19


class FileBlobs:
    """Blobs as files of one folder (mode 0700)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    @property
    def place(self) -> str:
        """The folder."""
        return str(self.folder)

    def probe(self) -> None:
        """Begins a file."""
        self.create().abort()

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

    def room(self, wanted: int = 1) -> int:
        """The same: what is free may be filled."""
        return self.free_bytes()

    def touch(self, key: str) -> None:
        """Sets the file's time. Raises BlobMissing."""
        try:
            os.utime(self._path(key))
        except FileNotFoundError as error:
            raise BlobMissing(key) from error

    def files(self) -> Iterator[BlobFile]:
        """Blobs and half-written files; what else lies in the folder is not ours."""
        now = time.time()
        with os.scandir(self.folder) as entries:
            for entry in entries:
                if _FILE.fullmatch(entry.name):
                    try:
                        status = entry.stat(follow_symlinks=False)
                    except FileNotFoundError:
                        continue  # deleted since
                    yield BlobFile(entry.name, status.st_size, now - status.st_mtime)

    def delete_old(self, name: str, seconds: float) -> bool:
        """Looks at the file's time once more: it may have been touched since it was listed."""
        if not _FILE.fullmatch(name):
            raise BlobMissing(f"{name!r} is no file of this store")
        path = self.folder / name
        try:
            if time.time() - path.stat().st_mtime < seconds:
                return False
            path.unlink()
        except FileNotFoundError:
            return False
        return True

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
        self._written = self._flushed = 0

    def write(self, data: bytes | bytearray) -> None:
        """Appends bytes. Raises OSError when the disk is full."""
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) :]
        self._written += len(data)
        if self._written - self._flushed >= FLUSH_BYTES:
            self._flush()

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

    def _flush(self) -> None:
        """Has the system begin to write to the disk, without waiting for it."""
        # Linux begins to write what is said not to be needed, and gives back the memory of what is written. What a slow
        # disk has not written by now stays in memory, and need not be read from that disk.
        for start in (self._flushed, self._flushed - KEPT_BYTES):
            if start >= 0:
                _advise(self._file.fileno(), start, self._written - self._flushed, "POSIX_FADV_DONTNEED")
        self._flushed = self._written


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

    def expect(self, offset: int, length: int) -> None:
        """Has the system read what is not in its memory any more."""
        if self._size > KEPT_BYTES:
            for start in range(offset, offset + length, AHEAD_BYTES):
                _advise(self._descriptor, start, min(AHEAD_BYTES, offset + length - start), "POSIX_FADV_WILLNEED")

    def forget(self, offset: int, length: int) -> None:
        """Gives the memory back, unless all of the file may be kept."""
        if self._size > KEPT_BYTES:
            _advise(self._descriptor, offset, length, "POSIX_FADV_DONTNEED")

    def close(self) -> None:
        """Closes the file."""
        os.close(self._descriptor)


def _advise(descriptor: int, offset: int, length: int, advice: str) -> None:
    """Tells the system whether bytes of a file will be needed in its memory; not every system wants to know."""
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(descriptor, offset, length, getattr(os, advice))


def open_blobs(url: str) -> BlobStore:
    """The store behind a ``file:///folder`` or ``s3://bucket/prefix`` URL. Raises ValueError for others."""
    parts = urlsplit(url)
    if parts.scheme == "file":
        return FileBlobs(Path(unquote(parts.path)))
    if parts.scheme != "s3":
        raise ValueError(
            f"SHOEBOX_BLOBS_URL: {parts.scheme or 'no scheme'!r} is not supported; use file:///a/folder or s3://bucket."
        )
    try:
        # What belongs to an extra.
        from db.s3_blobs import S3Blobs
        from db.s3_client import S3Client
    except ModuleNotFoundError as error:
        extra = "pip install -c constraints.txt -e '.[s3]'"
        raise ValueError(f"SHOEBOX_BLOBS_URL: s3:// needs {error.name}, which is not installed: {extra}") from None
    return S3Blobs(S3Client.of(url))
