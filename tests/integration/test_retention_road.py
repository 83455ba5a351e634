"""Retention by real workers, beside their work."""

import os
import re
import signal
from pathlib import Path

import pytest
from running import CONTROL, Running, running, wait_until

from client.errors import Refused
from client.upload import of_path
from model.bundle import Bundle
from worker.keeper import TURN_SECONDS

SECOND = 1 / 86400


def test_workers_delete_what_has_outlived_its_time(tiny_bundle: Bundle, scene, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    photo = tmp_path / "a.jpg"
    photo.write_bytes(scene("sea"))
    with running(
        tiny_bundle, keep_uploads=3 * SECOND, keep_results=20 * SECOND, retention_minutes=1 / 60, log_level="info"
    ) as shoebox:
        shoebox.start()
        wait_until(shoebox.is_ready, 60, shoebox.logs)
        shoebox.start(f"{CONTROL}-2")  # two of them: one deletes at a time
        folder = Path(shoebox.settings.blobs.removeprefix("file://"))
        left = folder / f"{'0' * 26}.part"
        left.write_bytes(b"half of a photo")
        os.utime(left, (0, 0))

        job = shoebox.client.submit([of_path(photo)]).wait(60)
        assert job.counts.accepted == 1
        item = f"{job.id}-0"
        wait_until(lambda: list(folder.iterdir()) == [], 60, shoebox.logs)
        assert status_of(shoebox, item)[0] == 410

        # One may die: another goes on. Not between the deletion and its word that it is done, which is waited for for
        # two minutes.
        wait_until(lambda: re.search(r'"uploads": ?1\b', shoebox.logs()) is not None, 60, shoebox.logs)
        shoebox.kill(CONTROL, signal.SIGKILL)
        wait_until(lambda: status_of(shoebox, item) == (410, "expired"), TURN_SECONDS + 60, shoebox.logs)
        (view,) = shoebox.client.jobs()
        assert view.counts.accepted == 1 and view.state == "completed"
        assert shoebox.client.submit([of_path(photo)]).wait(60).counts.accepted == 1


def status_of(shoebox: Running, item: str) -> tuple[int, str]:
    with pytest.raises(Refused) as refused:
        shoebox.client.image(item, 64)
    return refused.value.status, refused.value.code
