"""The bytes of items: blobs opened once while their shards are in hand, entries read from them by their coordinates."""

import hashlib
from collections.abc import Callable
from typing import Any

from db.blobs import BlobMissing, BlobReader, BlobStore
from model.verdict import Reason, Unreadable
from worker.archive import Entry, read_entry

IMAGE_FIELDS = 2
REFUSED_FIELDS = 4
PIECE_BYTES = 2**20
CHANGED = "The uploaded file was changed on the server; please send it again."


class SourceGone(Exception):
    """The uploaded file is missing or was changed since it came; ``code`` says which."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Sources:
    """Open blobs, counted by the shards that use them."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs
        self._open: dict[str, tuple[BlobReader, int]] = {}

    def take(self, key: str, size: int, sha256: str | None = None) -> BlobReader:
        """The blob, for one more user. Raises SourceGone when it is missing, not ``size`` bytes long, or other bytes.

        An archive has checksums of its own; of a single image nothing else would tell. ``sha256`` None: not looked at.
        """
        if key in self._open:
            reader, users = self._open[key]
        else:
            reader, users = open_source(self._blobs, key, size), 0
            if sha256 is not None and _digest(reader) != sha256:
                reader.close()
                raise SourceGone("blob_changed", CHANGED)
        self._open[key] = reader, users + 1
        return reader

    def give(self, key: str) -> None:
        """One user less; the last one closes the blob."""
        reader, users = self._open.pop(key)
        if users > 1:
            self._open[key] = reader, users - 1
        else:
            reader.close()


def open_source(blobs: BlobStore, key: str, size: int) -> BlobReader:
    """Opens a blob that must be ``size`` bytes long. Raises SourceGone."""
    try:
        reader = blobs.open(key)
    except BlobMissing as error:
        raise SourceGone("blob_missing", "The uploaded file is no longer there; please send it again.") from error
    if reader.size != size:
        reader.close()
        raise SourceGone("blob_changed", CHANGED)
    return reader


def _digest(blob: BlobReader) -> str:
    found = hashlib.sha256()
    for start in range(0, blob.size, PIECE_BYTES):
        found.update(blob.read_at(start, PIECE_BYTES))
    return found.hexdigest()


def reader_of(blob: BlobReader, entry: list[Any], max_bytes: int) -> Callable[[], bytes]:
    """What reads an item's bytes; it raises Unreadable for a file that cannot be read as declared.

    Entries are [position, name] for a whole file, [position, name, reason, explanation] for one that was refused when
    its archive was opened, else an archive entry's coordinates.
    """
    if len(entry) == REFUSED_FIELDS:
        return lambda: _refuse(Reason(entry[2]), entry[3])
    if len(entry) == IMAGE_FIELDS:
        return lambda: _whole(blob, max_bytes)
    coordinates = Entry.from_row(entry)
    return lambda: read_entry(blob, coordinates, max_bytes)


def _refuse(reason: Reason, explanation: str) -> bytes:
    raise Unreadable(reason, explanation)


def _whole(blob: BlobReader, max_bytes: int) -> bytes:
    if blob.size > max_bytes:
        raise Unreadable(
            Reason.FILE_TOO_LARGE,
            f"The file is larger than {max_bytes // 2**20} MB, the most for one photo.",
            size=blob.size,
        )
    return blob.read_at(0, blob.size)
