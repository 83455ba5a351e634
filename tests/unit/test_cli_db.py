"""``shoebox db prune``: retention now, or what it would do; and what doctor says of uploads."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from desk import Desk
from sqlalchemy import select, update
from typer.testing import CliRunner

from cli.main import app
from db.blobs import FileBlobs, open_blobs
from db.database import Database
from db.schema import Job, Source
from db.upgrade import upgrade
from settings import Settings

DAY = 86400


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data directory with one job of a hundred days ago."""
    monkeypatch.setenv("SHOEBOX_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    settings = Settings()
    settings.home.mkdir(mode=0o700)
    database = Database(settings.database)
    upgrade(database)
    Desk(database).finished(photos=5)
    with database.write() as session:
        session.execute(update(Job).values(finished_at=Job.finished_at - 100 * DAY))
        session.execute(update(Source).values(created_at=Source.created_at - 100 * DAY))
        [blob] = session.scalars(select(Source.blob))
    database.close()
    (blobs_of(settings).folder / blob).write_bytes(bytes(10))
    return settings.home


def blobs_of(settings: Settings) -> FileBlobs:
    return open_blobs(settings.blobs)


def prune(*options: str) -> Any:
    said = CliRunner().invoke(app, ["db", "prune", "--json", *options])
    assert said.exit_code == 0, said.output
    return json.loads(said.stdout)


def test_a_dry_run_deletes_nothing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOEBOX_KEEP_RESULTS", "99")
    for _ in range(2):
        found = prune("--dry-run")
        assert (found["uploads"], found["upload_bytes"], found["jobs"], found["photos"]) == (1, 10, 1, 5)
    assert (prune()["uploads"], prune("--dry-run")["uploads"]) == (1, 0)
    assert list((home / "blobs").iterdir()) == []


def test_it_goes_by_the_settings(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOEBOX_KEEP_UPLOADS", "")
    assert prune()["uploads"] == 0
    monkeypatch.setenv("SHOEBOX_KEEP_UPLOADS", "101")
    assert prune()["uploads"] == 0
    monkeypatch.delenv("SHOEBOX_KEEP_UPLOADS")
    said = CliRunner().invoke(app, ["db", "prune"]).stdout
    assert "1 upload (0.0 MB) deleted" in said and "results of 0 jobs (0 photos) deleted" in said


def test_files_that_may_be_another_databases_are_kept(home: Path) -> None:
    for n in range(30):
        path = home / "blobs" / f"{n:026}"
        path.write_bytes(b"x")
        os.utime(path, (0, 0))
    said = CliRunner().invoke(app, ["db", "prune"])
    assert said.exit_code == 1 and "SHOEBOX_BLOBS_URL" in said.stderr
    assert len(list((home / "blobs").iterdir())) == 30


def test_without_tables_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOEBOX_DATA_DIR", str(tmp_path / "empty"))
    said = CliRunner().invoke(app, ["db", "prune"])
    assert said.exit_code == 1 and "shoebox db upgrade" in said.stderr
    monkeypatch.setenv("SHOEBOX_DATABASE_URL", "postgresql://nobody@127.0.0.1:1/nothing")
    said = CliRunner().invoke(app, ["db", "prune"])
    assert said.exit_code == 1 and "does not answer" in said.stderr


def test_a_server_elsewhere_is_not_pruned_from_here(home: Path) -> None:
    said = CliRunner().invoke(app, ["--url", "https://photos.example.org", "db", "prune"])
    assert said.exit_code == 2 and "--url" in said.stderr


def test_doctor_tells_of_uploads(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = doctor()
    assert found["ok"]
    where = f"1 kept in {home / 'blobs'}, 0.00 GB, the oldest 100 days old"
    assert found["detail"] == f"{where}; kept 90 days after their job"
    monkeypatch.setenv("SHOEBOX_BLOBS_QUOTA_BYTES", "11")
    found = doctor()
    assert not found["ok"] and "shoebox db prune" in found["mend"]


def doctor() -> Any:
    said = json.loads(CliRunner().invoke(app, ["doctor", "--json"]).stdout)
    return next(finding for finding in said if finding["part"] == "uploads")
