"""Small copies of photos to look at: decoded in the sandbox, without any metadata."""

import hashlib
import threading
from collections import OrderedDict
from contextlib import closing
from typing import TYPE_CHECKING, Any

from db.blob_store import BlobStore
from db.schema import Item, Source
from model.limits import Limits
from model.verdict import Unreadable
from worker.sources import SourceGone, open_source, reader_of

if TYPE_CHECKING:
    from model.sandbox import DecodePool

CACHE_BYTES = 16 * 2**20


class NoPreview(Exception):
    """The file cannot be shown: it is no readable picture."""


class UploadGone(Exception):
    """The photo's upload is no longer there."""


class Previews:
    """Makes previews one at a time and keeps the latest. The decoder starts with the first."""

    def __init__(self, blobs: BlobStore, limits: Limits) -> None:
        self._blobs = blobs
        self._limits = limits
        self._pool: DecodePool | None = None
        # One photo at a time: a file may have 128 MB, and this process has many callers.
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._kept_bytes = 0

    def preview(self, item: Item, source: Source, size: int) -> bytes:
        """A JPEG that fits in ``size`` x ``size``. Raises NoPreview and UploadGone."""
        tag = tag_of(item, source, size)
        with self._lock:
            if tag in self._kept:
                self._kept.move_to_end(tag)
                return self._kept[tag]
            picture = self._picture(source.blob, source.bytes, item.entry, size)
            self._keep(tag, picture)
            return picture

    def check(self, blob: str, size: int) -> None:
        """Decodes an uploaded picture of ``size`` bytes. Raises NoPreview when it cannot be read, and UploadGone."""
        with self._lock:
            self._picture(blob, size, [0, ""], 16)

    def close(self) -> None:
        """Ends the decoder."""
        with self._lock:
            if self._pool is not None:
                self._pool.close()
                self._pool = None

    def _picture(self, key: str, length: int, entry: list[Any], size: int) -> bytes:
        from model.sandbox import DecodePool  # NumPy is loaded with the first preview, not before the API answers

        try:
            with closing(open_source(self._blobs, key, length)) as source:
                data = reader_of(source, entry, self._limits.max_file_bytes)()
            if self._pool is None:
                self._pool = DecodePool(1, self._limits)
            return self._pool.preview(data, size)
        except SourceGone as error:
            raise UploadGone("The upload that held this photo is no longer there.") from error
        except Unreadable as error:
            raise NoPreview(f"There is no preview of this file. {error.explanation}") from error

    def _keep(self, tag: str, picture: bytes) -> None:
        self._kept[tag] = picture
        self._kept_bytes += len(picture)
        while self._kept_bytes > CACHE_BYTES:
            self._kept_bytes -= len(self._kept.popitem(last=False)[1])


def tag_of(item: Item, source: Source, size: int) -> str:
    """What a preview depends on: the upload's content, the photo's place in it, the size asked for."""
    said = f"{source.digest} {item.entry} {size}"
    return hashlib.sha256(said.encode()).hexdigest()[:20]
