"""A limit on all uploads together, kept while they are being written."""

import errno
import os
import time
from collections.abc import Callable, Iterator
from threading import Lock

from db.blob_store import BlobFile, BlobReader, BlobStore, BlobWriter
from db.database import Database
from db.query.uploads import stored

# What other processes store and delete is seen after so long, or at once where an upload would be refused.
LOOK_SECONDS = 10.0
# Looking at every file takes its time (100,000 files: 0.4 s); it takes at most this share of the store's time.
LOOK_SHARE = 0.05


class QuotaBlobs:
    """Another store that takes no more than ``quota`` bytes in all, those of half-written blobs among them.

    Several processes may go over it by what they write between two looks. With ``rows``, which tells the bytes of all
    uploads that have a row, the store itself is not looked at: a blob counts here from its first byte until its row is
    about to be written (`touch`), in other processes from then on.
    """

    def __init__(self, blobs: BlobStore, quota: int, rows: Callable[[], int] | None = None) -> None:
        self._blobs = blobs
        self._quota = quota
        self._rows = rows
        self._lock = Lock()
        self._without_row: dict[str, int] = {}
        self._used = self._on_its_way = 0
        self._looked = self._cost = 0.0
        self._look()

    @property
    def place(self) -> str:
        """Where the blobs are, in words."""
        return self._blobs.place

    def probe(self) -> None:
        """Raises OSError where nothing could be stored now."""
        self._blobs.probe()

    def create(self) -> "QuotaWriter":
        """A new blob to write to."""
        return QuotaWriter(self._blobs.create(), self, self._rows is None)

    def open(self, key: str) -> BlobReader:
        """A stored blob. Raises BlobMissing."""
        return self._blobs.open(key)

    def delete(self, key: str) -> None:
        """Deletes a blob; one that is gone already is no error."""
        self._blobs.delete(key)
        with self._lock:
            count = self._without_row.pop(key, 0)
            self._on_its_way -= count
            self._used = max(0, self._used - count)

    def free_bytes(self) -> int | None:
        """Free space of whatever holds the store; None: it has no bounds of its own."""
        return self._blobs.free_bytes()

    def room(self, wanted: int = 1) -> int:
        """What is left of the quota, or of the space where that is less; not below 0."""
        with self._lock:
            if self._used + wanted > self._quota or time.monotonic() - self._looked > LOOK_SECONDS:
                self._look_again()
            return max(0, min(self._quota - self._used, self._blobs.room(wanted)))

    def touch(self, key: str) -> None:
        """Makes a blob as young as a new one. Raises BlobMissing."""
        self._blobs.touch(key)
        with self._lock:
            self._on_its_way -= self._without_row.pop(key, 0)

    def files(self) -> Iterator[BlobFile]:
        """Everything the store holds, in no order."""
        return self._blobs.files()

    def delete_old(self, name: str, seconds: float) -> bool:
        """Deletes a file unless it was written to or touched within so many seconds; whether it did."""
        return self._blobs.delete_old(name, seconds)

    def take(self, count: int) -> None:
        """Counts bytes that are about to be written. Raises OSError (EDQUOT) when there is no room for them."""
        with self._lock:
            if self._used + count > self._quota or time.monotonic() - self._looked > LOOK_SECONDS:
                self._look_again()
            if self._used + count > self._quota:
                raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))
            self._used += count
            self._on_its_way += count

    def arrived(self, count: int) -> None:
        """Such bytes are on the disk, or will never be."""
        with self._lock:
            self._on_its_way -= count

    def stored(self, key: str, count: int) -> None:
        """Such bytes are a blob now, which has no row yet."""
        with self._lock:
            self._without_row[key] = count

    def renamed(self, count: int) -> None:
        """Such bytes are about to get their name: a look beside that may find them under neither."""
        with self._lock:
            self._on_its_way += count

    def drop(self, count: int, delete: Callable[[], None]) -> None:
        """Has ``delete`` free so many bytes, and counts them as gone: no look comes between, to leave them out too."""
        with self._lock:
            delete()
            self._used = max(0, self._used - count)

    def _look_again(self) -> None:
        if time.monotonic() - self._looked >= self._cost / LOOK_SHARE:
            self._look()

    def _look(self) -> None:
        began = time.monotonic()
        # What is just being written may be counted twice until the next look, but never not at all.
        found = sum(file.bytes for file in self._blobs.files()) if self._rows is None else self._rows()
        self._used = found + self._on_its_way
        self._looked = time.monotonic()
        self._cost = self._looked - began


class QuotaWriter:
    """Asks for room before each write. ``seen``: a look at the store finds what was written."""

    def __init__(self, writer: BlobWriter, store: QuotaBlobs, seen: bool) -> None:
        self._writer = writer
        self._store = store
        self._seen = seen
        self._taken = 0

    def write(self, data: bytes | bytearray) -> None:
        """Appends bytes. Raises OSError when disk or quota are full."""
        self._store.take(len(data))
        self._taken += len(data)
        try:
            self._writer.write(data)
        finally:
            if self._seen:
                self._store.arrived(len(data))

    def commit(self) -> str:
        """Makes the blob durable; returns its key."""
        if not self._seen:
            key = self._writer.commit()
            self._store.stored(key, self._taken)
        else:
            self._store.renamed(self._taken)
            try:
                key = self._writer.commit()
            finally:
                self._store.arrived(self._taken)
        self._taken = 0
        return key

    def abort(self) -> None:
        """Drops what was written."""
        self._store.drop(self._taken, self._writer.abort)
        if not self._seen:
            self._store.arrived(self._taken)
        self._taken = 0


def with_quota(blobs: BlobStore, quota: int, database: Database) -> BlobStore:
    """The store under a quota in bytes; 0: the store as it is. Where a store has no bounds, rows are counted.

    Listing what is in it would take a request for each thousand.
    """
    if not quota:
        return blobs

    def rows() -> int:
        with database.read() as session:
            return stored(session)[1]

    return QuotaBlobs(blobs, quota, rows if blobs.free_bytes() is None else None)
