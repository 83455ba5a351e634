"""Workers of the version before the newest migration judge a job on the newest tables, beside the newest API."""

import io
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from faults.traffic import archive
from running import API, CLASSIFY, CONTROL, REDIS, ROOT, running, wait_until

from db.query.fitting import misfits
from db.upgrade import MIGRATIONS
from model.bundle import Bundle

if TYPE_CHECKING:
    from conftest import Postgres

PHOTOS = 40


def git(*words: str) -> bytes:
    return subprocess.run(["git", "-C", str(ROOT), *words], capture_output=True, check=True).stdout


@pytest.fixture
def before(tmp_path: Path) -> Path:
    """The tree as it was before the newest migration came."""
    newest = max((MIGRATIONS / "versions").glob("0*.py")).relative_to(ROOT)
    try:
        came = git("log", "--diff-filter=A", "--format=%H", "-1", "--", str(newest)).decode().strip()
        packed = git("archive", f"{came}^" if came else "HEAD")
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"there is no history here to take the version before from ({error})")
    with tarfile.open(fileobj=io.BytesIO(packed)) as tree:
        tree.extraction_filter = getattr(tarfile, "data_filter", lambda member, path: member)  # from 3.11.4 on
        tree.extractall(tmp_path / "before")
    assert not (tmp_path / "before" / newest).exists()
    return tmp_path / "before"


def test_old_workers_bring_a_job_to_its_end(
    before: Path, tiny_bundle: Bundle, postgres: "Postgres", scene: Callable[..., bytes]
) -> None:
    photos = {f"{n}.jpg": scene("sea", n % 5) for n in range(PHOTOS)}
    where = [sys.executable, "-c", "import db, worker; print(db.__path__[0], worker.__path__[0])"]
    found = subprocess.run(where, cwd=before, capture_output=True, text=True, check=True).stdout.split()
    assert found == [str(before / "db"), str(before / "worker")]
    with running(tiny_bundle, url := postgres.create()) as shoebox:
        shoebox.start(REDIS, API)
        for name in (CONTROL, CLASSIFY):
            with (shoebox.home / f"old-{name}.log").open("ab") as log:
                command = shoebox.commands()[name]
                old = subprocess.Popen(command, cwd=before, env=shoebox.environment, stdout=log, stderr=log)
            shoebox.started.append(old)
        shoebox.ready()
        job = shoebox.client.submit([archive("trip.zip", photos)])
        wait_until(lambda: job.refresh().finished, 60, shoebox.logs)
        assert (job.view.state, job.view.counts.accepted) == ("completed", PHOTOS), shoebox.logs()
        with shoebox.database.read() as session:
            assert list(misfits(session)) == []
    postgres.drop(url)
