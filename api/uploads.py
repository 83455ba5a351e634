"""Files on their way into the blob store: written, hashed and recognised while they come."""

import asyncio
import errno
from collections.abc import Callable
from threading import Lock

import structlog
from starlette.concurrency import run_in_threadpool

from db.blob_store import BlobMissing, BlobStore, BlobWriter
from db.digest import Digest, digest_for
from db.states import Kind
from db.store.submit import Upload
from worker.archive_bytes import Tail, UnsafeArchive
from worker.archive_end import find_end
from worker.archive_names import show_name
from worker.sniff import HEAD_BYTES, OTHER_ARCHIVES, ZIP, sniff

log = structlog.get_logger(__name__)

# Pieces from the network (64 KiB and more) are gathered to so much, then written and hashed in threads while more
# comes. 1.3 GB took 4.1 to 5.6 s when one thread did both with 1 MiB, 3.7 to 4.8 s with two threads, and takes 3.2 to
# 3.4 s with 4 MiB: threads have to be woken less often.
WRITE_BYTES = 2**22
# So much of a ZIP's end is kept in sight: that it is whole is told by less.
TAIL_BYTES = 2**17
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class StoreFull(Exception):
    """There is no room for the upload."""


class UploadLost(Exception):
    """Something deleted the upload's files before its job was made; ``retry_after`` is in seconds."""

    retry_after = 1


class NotSupported(Exception):
    """The file is an archive of a kind that is not opened."""


class Uploads:
    """The files of one submission: `begin`, `data` …, `end` for each. Unless `keep` is called, nothing stays.

    ``arrived`` is called, in a thread, when a file is there and not yet durable. Use it with ``async with``. Raises
    StoreFull, NotSupported (from the first bytes) and CorruptArchive (from the last ones).
    """

    def __init__(self, blobs: BlobStore, min_free_bytes: int, arrived: Callable[[], object] = lambda: None) -> None:
        self._blobs = blobs
        self._min_free_bytes = min_free_bytes
        self._arrived = arrived
        self._writer: BlobWriter | None = None
        self._writing: asyncio.Task[None] | None = None
        self._turn = Lock()
        self._kept = self._dropped = False
        self.files: list[Upload] = []

    async def __aenter__(self) -> "Uploads":
        return self

    async def __aexit__(self, *_: object) -> None:
        if not self._kept:
            # Not in the event loop: the piece before it may be on its way to a store that hangs.
            await asyncio.to_thread(self.discard)

    def keep(self) -> None:
        """The files belong to a job now."""
        self._kept = True

    def refresh(self) -> None:
        """Makes the files as young as new ones: what is old and belongs to no job is deleted. Raises UploadLost."""
        try:
            for file in self.files:
                self._blobs.touch(file.blob)
        except BlobMissing as error:
            raise UploadLost("The upload was lost on the server; please send it again.") from error

    def discard(self) -> None:
        """Deletes everything that was received, after the piece that is being written."""
        with self._turn:
            self._dropped = True
            if self._writer is not None:
                self._writer.abort()
            for file in self.files:
                self._blobs.delete(file.blob)

    async def check_space(self, expected: int) -> None:
        """Refuses an upload of ``expected`` bytes (0: unknown) that would not leave the space to be kept free.

        Raises BlobsAway, too.
        """
        await run_in_threadpool(self._check_first, expected)

    def begin(self, name: str) -> None:
        """The next file, under the name its sender gives it."""
        self._name, self._piece, self._bytes, self._tail = name, bytearray(), 0, b""
        self._found: str | None = None
        self._digest: Digest | None = None

    async def data(self, piece: bytes) -> None:
        """The file's next bytes. What is wrong with them may be said later, at the end at the latest."""
        self._piece += piece
        if len(self._piece) >= WRITE_BYTES:
            await self._written()
            whole, self._piece = self._piece, bytearray()
            self._writing = asyncio.create_task(self._store(whole))
            self._writing.add_done_callback(_seen)

    async def end(self) -> None:
        """The file is complete: makes it durable."""
        await self._written()
        await run_in_threadpool(self._finish, self._piece)

    async def _written(self) -> None:
        """Waits for the piece that is being written."""
        writing, self._writing = self._writing, None
        if writing is not None:
            await asyncio.shield(writing)

    async def _store(self, piece: bytearray) -> None:
        """Writes and hashes at once: neither needs the interpreter meanwhile."""
        hashing = asyncio.create_task(run_in_threadpool(self._begun(piece).update, piece))
        try:
            await run_in_threadpool(self._write, piece)
        finally:
            await hashing

    def _begun(self, piece: bytearray) -> Digest:
        """The file's digest; its kind is told by the first piece."""
        if self._digest is None:
            self._found = sniff(bytes(piece[:HEAD_BYTES]))
            if self._found in OTHER_ARCHIVES:
                raise NotSupported(f"This is a {self._found} archive, which is not opened here. Please send a ZIP.")
            self._digest = digest_for(self._kind)
        return self._digest

    @property
    def _kind(self) -> Kind:
        return Kind.ZIP if self._found == ZIP else Kind.IMAGE

    def _write(self, piece: bytearray) -> None:
        with self._turn:
            if not self._dropped:
                self._append(piece)

    def _append(self, piece: bytearray) -> None:
        self._bytes += len(piece)
        self._check_space(len(piece))
        try:
            if self._writer is None:
                self._writer = self._blobs.create()
            self._writer.write(piece)
        except OSError as error:
            raise _full(error) from error
        self._tail = (self._tail + bytes(piece[-TAIL_BYTES:]))[-TAIL_BYTES:]

    def _finish(self, rest: bytearray) -> None:
        digest = self._begun(rest)
        self._write(rest)
        digest.update(rest)
        assert self._writer is not None
        if self._kind is Kind.ZIP:
            self._check_end()
        self._arrived()
        try:
            key = self._writer.commit()
        except OSError as error:
            raise _full(error) from error
        self._writer = None
        nameless = f"upload.{self._found}" if self._found else "upload"
        name = show_name(self._name) if self._name.strip() else nameless
        self.files.append(Upload(key, name, self._kind, self._bytes, digest.said))

    def _check_end(self) -> None:
        try:
            find_end(Tail(self._tail, self._bytes))
        except UnsafeArchive as error:
            # Not the sender's mishap: the source will fail with this sentence, and the job's other sources go on.
            log.info("unsafe_archive_accepted", why=str(error))

    def _check_first(self, expected: int) -> None:
        if self._blobs.free_bytes() is None:
            self._blobs.probe()  # over a network; better now than after the first parts
        self._check_space(expected)

    def _check_space(self, expected: int) -> None:
        wanted = max(expected, 1)
        free = self._blobs.free_bytes()
        short = free is not None and free - expected < self._min_free_bytes
        if short or self._blobs.room(wanted) < wanted:
            raise StoreFull("The server has no room for this upload at present.")


def _seen(writing: "asyncio.Task[None]") -> None:
    """Nobody may wait for it any more, where something else went wrong before."""
    if not writing.cancelled():
        writing.exception()


def _full(error: OSError) -> Exception:
    return StoreFull("The server ran out of room during this upload.") if error.errno in _FULL else error
