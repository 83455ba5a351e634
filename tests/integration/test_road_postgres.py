"""The same road over PostgreSQL, with two classify workers that share one job, and a kill in the middle."""

import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from running import CLASSIFY, running, wait_until

from client.upload import of_path
from db.query.items import every_item
from model.bundle import Bundle

PHOTOS = 1200


def test_two_workers_share_a_job_and_one_is_killed(
    postgres: Any, tiny_bundle: Bundle, scene: Callable[..., bytes], tmp_path: Path
) -> None:
    photos = [scene(kind, 1) for kind in ("sunset", "forest", "sea")]
    with zipfile.ZipFile(tmp_path / "trip.zip", "w") as zip_:
        for i in range(PHOTOS):
            zip_.writestr(f"{i}.jpg", photos[i % 3])
    with running(tiny_bundle, postgres.create(), decoders=1) as shoebox:
        shoebox.start().ready()
        second = shoebox.processes[CLASSIFY]
        shoebox.start(CLASSIFY)
        job = shoebox.client.submit([of_path(tmp_path / "trip.zip")])
        wait_until(lambda: job.refresh().counts.done > 0, 30, shoebox.logs)
        second.kill()
        second.wait(20)
        view = job.wait(timeout=90)
        assert view.state == "completed", shoebox.logs()
        rows = Counter(item.position for item in every_item(shoebox.database, job.id))
        assert rows == Counter(range(PHOTOS))
        assert view.counts.accepted + view.counts.rejected == PHOTOS
