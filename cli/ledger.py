"""What this machine has sent and had tagged: a small SQLite file in the data directory, which may be deleted.

``shoebox tag --only-new`` asks it which photos are done, by the BLAKE3 of their content: a photo that was moved or
renamed is known again. A photo is done when a version of a model on a server has accepted or rejected it for the owner
whose key is used; one that failed, or whose job was canceled before its turn, is not. It also keeps the idempotency
key of each upload until the server has answered, so that an upload whose answer was lost is not judged twice.
"""

import contextlib
import hashlib
import itertools
import os
import sqlite3
import time
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from blake3 import blake3

from cli.output import Failure
from client.folder import Member
from client.zipstream import CHUNK

FILE = "tagged.db"
BATCH = 1000
# An upload that nobody asked about for so long is a new one.
KEY_SECONDS = 7 * 86400.0
# A file that was changed a moment ago may change again without its time changing: its digest is not kept.
FRESH_NS = 2 * 10**9
# Rises when the tables change, or what stands in them. What an older file knows is dropped: it does not say whose jobs
# are (1), or tells photos by another digest (2).
EDITION = 3
_OUTDATED = ("files", "jobs", "sent", "done", "uploads")
_TABLES = """
CREATE TABLE IF NOT EXISTS files (
  path BLOB PRIMARY KEY, size INTEGER, mtime_ns INTEGER, inode INTEGER, digest BLOB
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sent (
  job TEXT, position INTEGER, size INTEGER, digest BLOB, PRIMARY KEY (job, position)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS jobs (job TEXT PRIMARY KEY, server TEXT, owner TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS done (
  size INTEGER, digest BLOB, server TEXT, owner TEXT, model TEXT, version TEXT,
  PRIMARY KEY (size, digest, server, owner, model, version)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS uploads (fingerprint TEXT PRIMARY KEY, key TEXT, job TEXT, made_at REAL) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Account:
    """Where jobs are sent, and whose they are there: a server (its URL), and the owner that its key stands for."""

    server: str
    owner: str


@dataclass(frozen=True, slots=True)
class Judge:
    """What has to have judged a photo so that it is done: a version of a model, for an owner on a server."""

    account: Account
    model: str
    version: str


class Ledger:
    """The open file. Raises `Failure` where it cannot be used."""

    def __init__(self, home: Path) -> None:
        self.path = home / FILE
        with self._in_words():
            self._base = sqlite3.connect(self.path, timeout=30, isolation_level=None)
            self._base.execute("PRAGMA journal_mode = WAL")
            self._base.execute("PRAGMA synchronous = NORMAL")
            self._renew()
            with contextlib.suppress(OSError):
                self.path.chmod(0o600)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._base.close()

    def is_done(self, member: Member, judge: Judge) -> bool:
        """Whether the photo's content has been judged. Reads the file only where its size is one that was judged."""
        if not self._one("SELECT 1 FROM done WHERE size = ? LIMIT 1", member.size):
            return False
        digest = self._digest(member)
        if digest is None:
            return False
        where = "size = ? AND digest = ? AND server = ? AND owner = ? AND model = ? AND version = ?"
        known = (member.size, digest, judge.account.server, judge.account.owner, judge.model, judge.version)
        return self._one(f"SELECT 1 FROM done WHERE {where}", *known) is not None

    def upload_key(self, fingerprint: str) -> tuple[str, str | None, bool]:
        """The idempotency key of an upload, the job it is known to have become, and whether the key was used before."""
        self._run("DELETE FROM uploads WHERE made_at < ?", time.time() - KEY_SECONDS)
        found = self._one("SELECT key, job FROM uploads WHERE fingerprint = ?", fingerprint)
        if found is not None:
            return found[0], found[1], True
        key = uuid.uuid4().hex
        self._run("INSERT INTO uploads VALUES (?, ?, NULL, ?)", fingerprint, key, time.time())
        return key, None, False

    def recording(self, key: str) -> "Recording":
        """Takes note of what an upload sends, under its idempotency key until its job is known."""
        return Recording(self, key)

    def accepted(self, fingerprint: str, key: str, job: str, account: Account) -> None:
        """The upload has become a job. To say so again changes nothing: what was noted of its photos stays."""
        with self._in_words(), self._transaction():
            self._base.execute("UPDATE uploads SET job = ? WHERE fingerprint = ?", (job, fingerprint))
            self._base.execute("UPDATE OR REPLACE sent SET job = ? WHERE job = ?", (job, key))
            self._base.execute("INSERT OR IGNORE INTO jobs VALUES (?, ?, ?)", (job, account.server, account.owner))

    def all_accepted(self, fingerprints: Iterable[str]) -> None:
        """Everything that one command sends is with the server: the same command makes new jobs from now on."""
        for fingerprint in fingerprints:
            self._run("DELETE FROM uploads WHERE fingerprint = ?", fingerprint)

    def open_jobs(self, account: Account) -> list[str]:
        """Jobs of which it is not known yet how they ended."""
        where = "server = ? AND owner = ?"
        with self._in_words():
            found = self._base.execute(f"SELECT job FROM jobs WHERE {where}", (account.server, account.owner))
            return [row[0] for row in found]

    def settle(self, jobs: Collection[str], items: Iterable[Mapping[str, Any]]) -> None:
        """Takes over the verdicts of finished jobs (items as in results.jsonl), and forgets the rest of them.

        ``items`` may come slowly: other commands can write meanwhile. What breaks off is settled by the next time.
        """
        judged = (item for item in items if item["decision"] in ("accepted", "rejected"))
        while batch := list(itertools.islice(judged, BATCH)):
            with self._in_words(), self._transaction():
                self._base.executemany(
                    "INSERT OR IGNORE INTO done SELECT size, digest, server, owner, ?, ? "
                    "FROM sent JOIN jobs USING (job) WHERE job = ? AND position = ?",
                    (
                        (item["model"]["name"], item["model"]["version"], item["job"], item["position"])
                        for item in batch
                    ),
                )
        with self._in_words(), self._transaction():
            self._base.executemany("DELETE FROM sent WHERE job = ?", ((job,) for job in jobs))
            self._base.executemany("DELETE FROM jobs WHERE job = ?", ((job,) for job in jobs))

    def write(self, key: str, rows: list[tuple[Member, int, bytes]]) -> None:
        """Keeps the digests of photos that were read, under ``key`` and their place in the upload."""
        latest = time.time_ns() - FRESH_NS
        with self._in_words(), self._transaction():
            self._base.executemany(
                "INSERT OR REPLACE INTO sent VALUES (?, ?, ?, ?)",
                ((key, position, member.size, digest) for member, position, digest in rows),
            )
            self._base.executemany(
                "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?)",
                (_file_row(member, digest) for member, _, digest in rows if member.mtime_ns < latest),
            )

    def forget(self, key: str) -> None:
        """Drops what was noted of an upload that begins anew."""
        self._run("DELETE FROM sent WHERE job = ?", key)

    def _digest(self, member: Member) -> bytes | None:
        found = self._one("SELECT size, mtime_ns, inode, digest FROM files WHERE path = ?", _path(member))
        if found is not None and found[:3] == (member.size, member.mtime_ns, member.inode):
            return bytes(found[3])
        digest = digest_of(member.path)
        if digest is not None and member.mtime_ns < time.time_ns() - FRESH_NS:
            self._run("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?)", *_file_row(member, digest))
        return digest

    def _renew(self) -> None:
        """Makes the tables, anew where they are of an older edition."""
        if self._base.execute("PRAGMA user_version").fetchone()[0] != EDITION:
            with self._transaction():
                if self._base.execute("PRAGMA user_version").fetchone()[0] != EDITION:  # nor has another command
                    for table in _OUTDATED:
                        self._base.execute(f"DROP TABLE IF EXISTS {table}")
                    self._base.execute(f"PRAGMA user_version = {EDITION}")
        self._base.executescript(_TABLES)

    def _one(self, statement: str, *values: Any) -> Any:
        with self._in_words():
            return self._base.execute(statement, values).fetchone()

    def _run(self, statement: str, *values: Any) -> None:
        with self._in_words():
            self._base.execute(statement, values)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._base.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._base.execute("ROLLBACK")
            raise
        self._base.execute("COMMIT")

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise Failure(
                f"{self.path}, which remembers what was tagged, cannot be used ({error}); it may be deleted: "
                "then --only-new takes every photo for new, once"
            ) from error


class Recording:
    """Hears what one upload sends (`client.zipstream.ZipStream`), and writes it down in batches."""

    def __init__(self, ledger: Ledger, key: str) -> None:
        self._ledger, self._key = ledger, key
        self._rows: list[tuple[Member, int, bytes]] = []

    def begin(self) -> None:
        """A pass over the photos begins, perhaps not the first."""
        self._rows.clear()
        self._ledger.forget(self._key)

    def record(self, member: Member, position: int, digest: bytes) -> None:
        """A photo was read to its end."""
        self._rows.append((member, position, digest))
        if len(self._rows) >= BATCH:
            self.finish()

    def finish(self) -> None:
        """Writes down what is held back."""
        self._ledger.write(self._key, self._rows)
        self._rows.clear()


def digest_of(path: Path) -> bytes | None:
    """BLAKE3 of a file's content; ``None`` when it cannot be read."""
    found = blake3()
    try:
        with path.open("rb") as file:
            while piece := file.read(CHUNK):
                found.update(piece)
    except OSError:
        return None
    return found.digest()


def fingerprint(account: Account, params: Mapping[str, Any], members: Iterable[Member]) -> str:
    """Tells two uploads apart: where to, whose, what is asked, and each photo's name, size and time of change."""
    found = hashlib.sha256(repr((account.server, account.owner, sorted(params.items()))).encode())
    for member in members:
        found.update(repr((str(member.path), member.name, member.size, member.mtime_ns)).encode())
    return found.hexdigest()


def _path(member: Member) -> bytes:
    return os.path.abspath(os.fsencode(member.path))  # noqa: PTH100  (bytes)


def _file_row(member: Member, digest: bytes) -> tuple[bytes, int, int, int, bytes]:
    return _path(member), member.size, member.mtime_ns, member.inode, digest
