"""``shoebox db check``: silent while all fits together, and each way to break it is named."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from desk import Desk
from shop import Shop, orphan
from sqlalchemy import delete, update
from typer.testing import CliRunner, Result

from cli.main import app
from db.blobs import FileBlobs, open_blobs
from db.database import Database
from db.digest import digest_for
from db.schema import Item, Job, JobSource, Shard, Source, Tally
from db.states import Kind
from db.stored import damaged_uploads

Shoebox = Callable[..., Result]


@pytest.fixture
def shoebox(database: Database, blobs: FileBlobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shoebox:
    """``shoebox("check")`` is ``shoebox db check`` on the test's database and uploads."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SHOEBOX_DATA_DIR", str(tmp_path / "home"))
    monkeypatch.setenv("SHOEBOX_DATABASE_URL", database.url.render_as_string(hide_password=False))
    monkeypatch.setenv("SHOEBOX_BLOBS_URL", f"file://{blobs.folder}")
    return lambda *words: CliRunner().invoke(app, ["db", *words], catch_exceptions=False)


@pytest.fixture
def job(database: Database, blobs: FileBlobs) -> str:
    """A job that has ended, beside one that waits, one in hand and one not opened yet; their uploads are stored."""
    shop = Shop(Desk(database), blobs)
    ended = shop.desk.finished()
    held = shop.desk.running()
    shop.desk.claim()
    for each in (ended, held, shop.desk.running(), shop.desk.submit(Kind.ZIP)):
        shop.store_blobs(each)
    with database.write() as session:
        session.execute(update(Source).values(digest=digest_of(bytes(10), Kind.ZIP)))
    return ended


def digest_of(data: bytes, kind: Kind) -> str:
    digest = digest_for(kind)
    digest.update(data)
    return digest.said


def test_all_fits_together(shoebox: Shoebox, job: str) -> None:
    for words in (["check"], ["check", "--deep"]):
        said = shoebox(*words)
        assert (said.exit_code, said.stdout) == (0, "all fits together\n")


BROKEN: list[tuple[Any, str]] = [
    (delete(Item).where(Item.position == 2), "counts are not their photos' rows"),
    (update(Job).values(skipped=0, canceled=1), "not the sum of its parts"),
    (update(Shard).where(Shard.state == "leased").values(state="done"), "not those of their shards"),
    (update(Job).where(Job.state == "completed").values(finished_at=None), "state does not fit"),
    (update(Item).where(Item.position == 3).values(position=99), "places that they do not have"),
    (delete(JobSource), "jobs without an upload"),
    (delete(JobSource), "uploads that no job has"),
    (update(Shard).where(Shard.state == "leased").values(worker=None), "leased to nobody"),
    (update(Source).values(deleted_at=1.0), "deleted although photos in them wait"),
    (delete(Tally), "statistics count fewer"),
]


@pytest.mark.parametrize(("breaking", "said"), BROKEN, ids=[said for _, said in BROKEN])
def test_rows_that_do_not_fit_are_named(
    shoebox: Shoebox, job: str, database: Database, breaking: Any, said: str
) -> None:
    with database.write() as session:
        session.execute(breaking)
    found = shoebox("check")
    assert found.exit_code == 1 and said in found.stdout


def stored(database: Database, blobs: FileBlobs, job: str) -> Path:
    (source,) = Shop(Desk(database), blobs).sources(job)
    return blobs.folder / source.blob


def test_a_missing_upload_is_named(shoebox: Shoebox, job: str, database: Database, blobs: FileBlobs) -> None:
    (path := stored(database, blobs, job)).unlink()
    found = shoebox("check")
    assert found.exit_code == 1
    assert "is missing" in found.stdout and path.name in found.stdout and "1 finding\n" in found.stdout


def test_a_shortened_upload_is_named(shoebox: Shoebox, job: str, database: Database, blobs: FileBlobs) -> None:
    os.truncate(stored(database, blobs, job), 9)
    found = shoebox("check")
    assert found.exit_code == 1 and "has 9 bytes, and had 10" in found.stdout


@pytest.mark.parametrize("kind", Kind)
def test_other_content_is_found_with_deep_alone(
    shoebox: Shoebox, job: str, database: Database, blobs: FileBlobs, kind: Kind
) -> None:
    # Archives of older versions have the digest that photos have.
    with database.write() as session:
        session.execute(update(Source).values(digest=digest_of(bytes(10), kind)))
    stored(database, blobs, job).write_bytes(b"other byte")
    assert shoebox("check").exit_code == 0
    found = shoebox("check", "--deep")
    assert (found.exit_code, found.stdout.count("has other content than was sent")) == (1, 1)


def test_uploads_in_a_bucket_are_looked_at(sqlite_database: Database, bucket: str) -> None:
    blobs = open_blobs(bucket)
    writer = blobs.create()
    writer.write(bytes(10))
    key = writer.commit()
    Desk(sqlite_database).submit(Kind.ZIP)
    with sqlite_database.write() as session:
        session.execute(update(Source).values(blob=key, digest=digest_of(bytes(10), Kind.ZIP)))
    assert list(damaged_uploads(sqlite_database, blobs, deep=True)) == []
    blobs.delete(key)
    (said,) = damaged_uploads(sqlite_database, blobs)
    assert f"is missing (file {key})" in said


def test_files_that_belong_to_nothing_are_told(shoebox: Shoebox, job: str, blobs: FileBlobs) -> None:
    orphan(blobs)
    found = shoebox("check")
    assert found.exit_code == 1 and "1 file (0.0 MB) that belong to nothing" in found.stdout


def test_old_tables_are_told_and_brought_up_to_date(
    empty_url: str, shoebox: Shoebox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOEBOX_DATABASE_URL", empty_url)
    found = shoebox("check")
    assert found.exit_code == 1 and "shoebox db upgrade" in found.stdout
    assert shoebox("upgrade").stdout == "the tables are up to date now\n"
    assert shoebox("upgrade").stdout == "the tables are up to date already\n"
    assert shoebox("check").exit_code == 0
