"""Files of the blob store that belong to nothing: a crash between a file and its row leaves one."""

from dataclasses import dataclass, field

import structlog

from db.blob_store import BlobFile, BlobStore
from db.database import Database
from db.query.outlived import known_blobs
from db.query.uploads import stored

log = structlog.get_logger(__name__)

# An upload's files are touched when its job is made: none that is so old is on its way to one.
OLD_SECONDS = 86400.0
AT_ONCE = 500
# So many are never suspicious.
FEW = 20


@dataclass(slots=True)
class Orphans:
    """Files that nobody asks for. ``suspicious``: so many beside so few rows that the database may be another's."""

    names: list[str] = field(default_factory=list)
    bytes: int = 0
    suspicious: bool = False

    @property
    def count(self) -> int:
        """How many."""
        return len(self.names)


def find_orphans(database: Database, blobs: BlobStore, old_seconds: float = OLD_SECONDS) -> Orphans:
    """Half-written files, and blobs without a row, that were not touched for ``old_seconds``."""
    found = Orphans()
    batch: list[BlobFile] = []
    whole = 0
    for file in blobs.files():
        if file.age < old_seconds:
            continue
        if not file.whole:
            _add(found, [file])
            continue
        batch.append(file)
        if len(batch) == AT_ONCE:
            whole += _add(found, _unknown(database, batch))
            batch = []
    whole += _add(found, _unknown(database, batch))
    with database.read() as session:
        kept, _ = stored(session)
    found.suspicious = whole > max(FEW, kept)
    return found


def delete_orphans(database: Database, blobs: BlobStore, old_seconds: float = OLD_SECONDS) -> Orphans:
    """Deletes them, and returns those that are gone now; suspicious ones are kept and told in the log."""
    found = find_orphans(database, blobs, old_seconds)
    if found.suspicious:
        log.error("orphans_kept", files=found.count, bytes=found.bytes, why="more than the database knows")
        return Orphans(suspicious=True)
    gone = [name for name in found.names if blobs.delete_old(name, old_seconds)]
    if gone:
        log.warning("orphans_deleted", files=len(gone))
    return Orphans(gone, found.bytes)


def _unknown(database: Database, batch: list[BlobFile]) -> list[BlobFile]:
    if not batch:
        return []
    with database.read() as session:
        known = known_blobs(session, [file.name for file in batch])
    return [file for file in batch if file.name not in known]


def _add(found: Orphans, files: list[BlobFile]) -> int:
    found.names += [file.name for file in files]
    found.bytes += sum(file.bytes for file in files)
    return len(files)
