"""Whether uploads are stored as their rows say."""

from collections.abc import Iterator
from contextlib import closing

from db.blob_store import BlobMissing, BlobReader, BlobsAway, BlobStore
from db.database import Database
from db.digest import digest_like
from db.query.uploads import Kept, is_kept, kept_uploads

AT_ONCE = 500
PIECE_BYTES = 8 << 20


def damaged_uploads(database: Database, blobs: BlobStore, deep: bool = False) -> Iterator[str]:
    """A sentence for each upload that is missing or of another size; with ``deep``, also for each of other content.

    ``deep`` reads every byte that is kept. Raises `BlobsAway`.
    """
    after = ""
    while True:
        with database.read() as session:
            page = kept_uploads(session, AT_ONCE, after)
        for upload in page:
            wrong = _look(blobs, upload, deep)
            if wrong and _still_kept(database, upload):
                yield f"upload {upload.id} {wrong} (file {upload.blob})"
        if len(page) < AT_ONCE:
            return
        after = page[-1].id


def _look(blobs: BlobStore, upload: Kept, deep: bool) -> str:
    try:
        with closing(blobs.open(upload.blob)) as reader:
            if reader.size != upload.bytes:
                return f"has {reader.size:,} bytes, and had {upload.bytes:,}"
            if deep and _digest(reader, upload.digest) != upload.digest:
                return "has other content than was sent"
    except BlobMissing:
        return "is missing"
    except BlobsAway:
        raise  # no finding about this upload
    except OSError as error:
        return f"cannot be read: {error.strerror or error}"
    return ""


def _digest(reader: BlobReader, said: str) -> str:
    digest, at = digest_like(said), 0
    while piece := reader.read_at(at, PIECE_BYTES):
        digest.update(piece)
        at += len(piece)
    return digest.said


def _still_kept(database: Database, upload: Kept) -> bool:
    # Retention may have taken it since its row was read.
    with database.read() as session:
        return is_kept(session, upload.id)
