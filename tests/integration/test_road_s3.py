"""The road of a ZIP through machines that share no disk: uploads lie in S3, which is killed and comes back."""

import shutil
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
from running import CLASSIFY, CONTROL, Running, running, wait_until
from s3_server import S3Server

from cli.checks import uploads
from client.upload import of_path
from db.blobs import open_blobs
from db.query.items import every_item
from model.bundle import Bundle

PHOTOS = 800


def test_a_zip_is_judged_elsewhere_although_the_store_goes_away(
    postgres: Any, tiny_bundle: Bundle, scene: Callable[..., bytes], bucket: str, s3_server: S3Server, tmp_path: Path
) -> None:
    trip = archive(tmp_path / "trip.zip", [scene(kind, 1) for kind in ("sunset", "forest", "sea")])
    quota = trip.stat().st_size + 2**20
    with running(tiny_bundle, postgres.create(), blobs_url=bucket, blobs_quota_bytes=quota, decoders=1) as shoebox:
        move_workers(shoebox, tmp_path / "elsewhere", tiny_bundle)
        shoebox.start().ready()
        assert said(shoebox) == (200, "S3 answers.")
        found = uploads(shoebox.settings)
        assert found.ok and "s3://" in found.detail, found

        job = shoebox.client.submit([of_path(trip)])
        wait_until(lambda: job.refresh().counts.done > 0, 30, shoebox.logs)
        s3_server.kill()
        wait_until(lambda: "uploads_away" in (shoebox.home / f"{CLASSIFY}.log").read_text(), 30, shoebox.logs)
        wait_until(lambda: said(shoebox)[0] == 503, 20, shoebox.logs)
        assert said(shoebox)[1].startswith("S3 cannot be reached")
        assert not uploads(shoebox.settings).ok
        refused = send(shoebox, scene("sea"))
        assert (refused.status_code, refused.json()["code"]) == (503, "uploads_unavailable")
        s3_server.start()

        view = job.wait(timeout=90)
        assert view.state == "completed", shoebox.logs()
        rows = Counter(item.position for item in every_item(shoebox.database, job.id))
        assert rows == Counter(range(PHOTOS))
        assert view.counts.accepted + view.counts.rejected == PHOTOS
        wait_until(lambda: said(shoebox)[0] == 200, 20, shoebox.logs)
        assert httpx.get(f"{shoebox.settings.url}/v1/items/{job.id}-7/image", headers=key(shoebox)).status_code == 200
        assert send(shoebox, trip.read_bytes()).status_code == 507

        assert httpx.delete(f"{shoebox.settings.url}/v1/jobs/{job.id}", headers=key(shoebox)).status_code == 204
        assert list(open_blobs(bucket).files()) == []
        assert not list(tmp_path.glob("elsewhere/*/blobs")) and not (shoebox.home / "blobs").exists()


def archive(path: Path, photos: list[bytes]) -> Path:
    """A ZIP that is sent to S3 in several parts."""
    with zipfile.ZipFile(path, "w") as zip_:
        zip_.writestr("__MACOSX/large", bytes(12 * 2**20))
        for number in range(PHOTOS):
            zip_.writestr(f"{number}.jpg", photos[number % len(photos)])
    return path


def move_workers(shoebox: Running, folder: Path, bundle: Bundle) -> None:
    """Gives each worker a data directory of its own, as on a machine of its own."""
    for name in (CONTROL, CLASSIFY):
        shutil.copytree(bundle.path, folder / name / "models" / bundle.name)
        shoebox.own[name] = {
            "SHOEBOX_DATA_DIR": str(folder / name),
            "SHOEBOX_REDIS_URL": f"unix://{shoebox.settings.redis_socket}",
        }


def said(shoebox: Running) -> tuple[int, str]:
    """The status of /health/ready, and what it says of the uploads."""
    answer = httpx.get(f"{shoebox.settings.url}/health/ready", timeout=10)
    return answer.status_code, answer.json()["parts"]["blobs"]["detail"]


def send(shoebox: Running, body: bytes) -> httpx.Response:
    headers = {"Content-Type": "application/octet-stream", **key(shoebox)}
    return httpx.post(f"{shoebox.settings.url}/v1/jobs", content=body, headers=headers, timeout=60)


def key(shoebox: Running) -> dict[str, str]:
    return {"X-API-Key": shoebox.key}
