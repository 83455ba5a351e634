"""The bytes of items: blobs opened once while their shards are in hand, entries read from them by their coordinates."""

from collections.abc import Sequence
from typing import Any

from db.blob_store import BlobMissing, BlobReader, BlobStore
from db.digest import digest_like
from model.photo import Read
from model.verdict import Reason, Unreadable
from worker.archive import Entry, read_entry
from worker.archive_bytes import Stretch

IMAGE_FIELDS = 2
REFUSED_FIELDS = 4
# A store that is away is asked again after so long.
AWAY_SECONDS = 5.0
# A photo in an archive is read at once with the header before it, which is rarely longer; larger ones are not, for they
# would be in memory twice.
HEADER_BYTES = 1024
AT_ONCE_BYTES = 16 * 2**20


class SourceGone(Exception):
    """The uploaded file is missing or was changed since it came; ``code`` says which, ``blob`` is its key."""

    def __init__(self, code: str, message: str, blob: str) -> None:
        super().__init__(message)
        self.code = code
        self.blob = blob


class Source:
    """An opened blob that must stay as it is: what is not there any more is SourceGone."""

    def __init__(self, reader: BlobReader, key: str) -> None:
        self._reader = reader
        self.key = key

    @property
    def size(self) -> int:
        """Bytes in the blob."""
        return self._reader.size

    def read_at(self, offset: int, length: int) -> bytes:
        """Up to ``length`` bytes from ``offset``. Raises SourceGone, and BlobsAway."""
        try:
            return self._reader.read_at(offset, length)
        except BlobMissing as error:
            raise missing(self.key) from error

    def expect(self, entries: Sequence[list[Any]]) -> None:
        """These will be judged: what is read at once of an archive's entries is read soon."""
        for place in _places(entries):
            if place.compressed <= AT_ONCE_BYTES:
                self._reader.expect(place.offset, _length(place))

    def forget(self, entries: Sequence[list[Any]]) -> None:
        """These were judged: what entries of an archive take up will hardly be read again."""
        places = _places(entries)
        if places:
            start = min(place.offset for place in places)
            self._reader.forget(start, max(place.end for place in places) - start)

    def close(self) -> None:
        """Closes the blob."""
        self._reader.close()


class Sources:
    """Open blobs, counted by the shards that use them."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs
        self._open: dict[str, tuple[Source, int]] = {}

    def take(self, key: str, size: int, entries: Sequence[list[Any]]) -> Source:
        """The blob, for one more user, who will read ``entries``. Raises what `open_source` raises."""
        source, users = self._open[key] if key in self._open else (open_source(self._blobs, key, size), 0)
        self._open[key] = source, users + 1
        source.expect(entries)
        return source

    def give(self, key: str, entries: Sequence[list[Any]]) -> None:
        """One user less, who has read ``entries``; the last one closes the blob."""
        source, users = self._open.pop(key)
        source.forget(entries)
        if users > 1:
            self._open[key] = source, users - 1
        else:
            source.close()


def open_source(blobs: BlobStore, key: str, size: int) -> Source:
    """Opens a blob that must be ``size`` bytes long. Raises SourceGone, and BlobsAway where nobody can tell."""
    try:
        source = Source(blobs.open(key), key)
    except BlobMissing as error:
        raise missing(key) from error
    if source.size != size:
        source.close()
        raise changed(key)
    return source


def missing(key: str) -> SourceGone:
    """A blob that is not there."""
    return SourceGone("blob_missing", "The uploaded file is no longer there; please send it again.", key)


def changed(key: str) -> SourceGone:
    """A blob that is another."""
    return SourceGone("blob_changed", "The uploaded file was changed on the server; please send it again.", key)


def reader_of(source: Source, entry: list[Any], max_bytes: int, digest: str | None = None) -> Read:
    """What reads an item's bytes. It raises Unreadable for a file that cannot be read as declared, and SourceGone.

    Entries are [position, name] for a whole file, [position, name, reason, explanation] for one that was refused when
    its archive was opened, else an archive entry's coordinates. An archive has checksums of its own; of a whole file
    only ``digest`` tells whether it is the one that was sent, where it is given.
    """
    if len(entry) == REFUSED_FIELDS:
        return lambda: _refuse(Reason(entry[2]), entry[3])
    if len(entry) == IMAGE_FIELDS:
        return lambda: _whole(source, max_bytes, digest)
    coordinates = Entry.from_row(entry)
    return lambda: _entry(source, coordinates, max_bytes)


def _refuse(reason: Reason, explanation: str) -> bytes:
    raise Unreadable(reason, explanation)


def _whole(source: Source, max_bytes: int, digest: str | None) -> bytes:
    if source.size > max_bytes:
        raise Unreadable(
            Reason.FILE_TOO_LARGE,
            f"The file is larger than {max_bytes // 2**20} MB, the most for one photo.",
            size=source.size,
        )
    data = source.read_at(0, source.size)
    if digest is not None:
        found = digest_like(digest)
        found.update(data)
        if found.said != digest:
            raise changed(source.key)
    return data


def _entry(source: Source, entry: Entry, max_bytes: int) -> bytes | memoryview:
    if entry.compressed > AT_ONCE_BYTES:
        return read_entry(source, entry, max_bytes)
    return read_entry(Stretch(source, entry.offset, _length(entry)), entry, max_bytes)


def _places(entries: Sequence[list[Any]]) -> list[Entry]:
    """Those that are an archive's."""
    return [Entry.from_row(entry) for entry in entries if len(entry) > REFUSED_FIELDS]


def _length(entry: Entry) -> int:
    """The bytes of a photo and the header before it."""
    return min(HEADER_BYTES + entry.compressed, entry.end - entry.offset)
