"""``shoebox db``: the tables, whether all fits together, a copy of it, and deleting what has outlived its time."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.context import local_settings, settled
from cli.everywhere import here
from cli.output import PROBLEM, AsJson, Failure, amount, plain, say, show_json

if TYPE_CHECKING:
    from db.database import Database
    from settings import Settings
    from worker.retention import Pruned

NOT_CURRENT = "the database does not have the newest tables; bring it up to date with: shoebox db upgrade"

app = typer.Typer(help="Look after the database and the uploads of this machine.", no_args_is_help=True)


@app.command()
@here
def upgrade() -> None:
    """Bring the tables up to date. What runs goes on; start it again afterwards (docs/operations.md)."""
    import db.upgrade
    from db.tryout import try_out

    given = local_settings()
    with settled():
        try_out(given, uploads=False)
    with _database(given) as database:
        before = db.upgrade.is_current(database)
        db.upgrade.upgrade(database)
    say("the tables are up to date" + (" already" if before else " now"))


@app.command()
@here
def check(
    deep: Annotated[bool, typer.Option("--deep", help="Read every upload, and compare it with what was sent.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say whether tables, rows and uploads fit together, also while everything runs. It changes nothing."""
    found = list(_findings(local_settings(), deep))
    if as_json:
        show_json(found)
    else:
        for finding in found:
            say(plain(finding))
        say("all fits together" if not found else amount(len(found), "finding"))
    if found:
        raise typer.Exit(PROBLEM)


@app.command()
@here
def backup(
    file: Annotated[Path, typer.Argument(help="The file to make; it must not be there yet.", show_default=False)],
) -> None:
    """Copy the database while everything runs; uploads are files to copy afterwards (docs/operations.md)."""
    from db.backup import BackupFailed
    from db.backup import backup as copy

    with _database(local_settings()) as database:
        try:
            size = copy(database, file)
        except BackupFailed as error:
            raise Failure(str(error)) from error
    say(f"{plain(str(file))}: {size / 1e6:,.1f} MB. How to restore it: docs/operations.md, Backups")


@app.command()
@here
def prune(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be deleted, and delete nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Delete now what has outlived its time, as workers do every hour (docs/operations.md)."""
    found = _prune(local_settings(), dry_run)
    if as_json:
        show_json(asdict(found))
        return
    would = "would be deleted" if dry_run else "deleted"
    say(f"{amount(found.uploads, 'upload')} ({found.upload_bytes / 1e6:,.1f} MB) {would}")
    say(f"results of {amount(found.jobs, 'job')} ({amount(found.photos, 'photo')}) {would}")
    say(f"{amount(found.benchmarks, 'benchmark')} {would}")
    say(f"{amount(found.orphans.count, 'file')} that belong to nothing ({found.orphans.bytes / 1e6:,.1f} MB) {would}")
    if found.orphans.suspicious:
        raise Failure(
            "there are more files without a row than uploads in the database: they are kept, for the database may be "
            "another's. Look at SHOEBOX_DATABASE_URL and SHOEBOX_BLOBS_URL.",
            PROBLEM,
        )


def _prune(given: "Settings", dry_run: bool) -> "Pruned":
    from threading import Event

    import db.upgrade
    from db.blobs import open_blobs
    from worker.retention import Retention, keep_of

    with _database(given) as database:
        if not db.upgrade.is_current(database):
            raise Failure(NOT_CURRENT, PROBLEM)
        retention = Retention(database, open_blobs(given.blobs), keep_of(given), Event())
        return retention.preview() if dry_run else retention.run()


def _findings(given: "Settings", deep: bool) -> Iterator[str]:
    import db.upgrade
    from db.blobs import open_blobs
    from db.query.fitting import misfits
    from db.stored import damaged_uploads
    from worker.orphans import find_orphans

    with _database(given) as database:
        if not db.upgrade.is_current(database):
            yield NOT_CURRENT
            return
        with database.read() as session:
            yield from misfits(session)
        blobs = open_blobs(given.blobs)
        yield from damaged_uploads(database, blobs, deep)
        orphans = find_orphans(database, blobs)
        if orphans.count:
            yield (
                f"{amount(orphans.count, 'file')} ({orphans.bytes / 1e6:,.1f} MB) that belong to nothing: "
                + (
                    "more than there are uploads, so look at SHOEBOX_DATABASE_URL and SHOEBOX_BLOBS_URL"
                    if orphans.suspicious
                    else "workers delete them within the hour, or now: shoebox db prune"
                )
            )


@contextmanager
def _database(given: "Settings") -> Iterator["Database"]:
    """The database. Raises `Failure` where it does not answer."""
    from sqlalchemy.exc import SQLAlchemyError

    import logs
    from db.database import Database

    # Standard output is for what is said.
    logs.configure(given.log_format, "error")
    database = Database(given.database)
    try:
        yield database
    except SQLAlchemyError as error:
        raise Failure(f"the database does not answer: {plain(str(getattr(error, 'orig', None) or error))}") from error
    finally:
        database.close()
