"""``shoebox db``: what is kept, and deleting what has outlived its time."""

from dataclasses import asdict
from threading import Event
from typing import TYPE_CHECKING, Annotated

import typer

from cli.context import local_settings
from cli.everywhere import here
from cli.output import PROBLEM, AsJson, Failure, amount, plain, say, show_json

if TYPE_CHECKING:
    from settings import Settings
    from worker.retention import Pruned

app = typer.Typer(help="Look after the database and the uploads of this machine.", no_args_is_help=True)


@app.callback()
def before() -> None:
    """Keeps ``prune`` a command of its own, also while there is no other."""


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
    from sqlalchemy.exc import SQLAlchemyError

    import logs
    from db.blobs import open_blobs
    from db.database import Database
    from db.upgrade import is_current
    from worker.retention import Retention, keep_of

    # Standard output is for what is said below.
    logs.configure(given.log_format, "error")
    database = Database(given.database)
    try:
        if not is_current(database):
            raise Failure("the database does not have the newest tables; start with: shoebox up", PROBLEM)
        retention = Retention(database, open_blobs(given.blobs), keep_of(given), Event())
        return retention.preview() if dry_run else retention.run()
    except SQLAlchemyError as error:
        raise Failure(f"the database does not answer: {plain(str(getattr(error, 'orig', None) or error))}") from error
    finally:
        database.close()
