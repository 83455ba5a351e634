"""What callers see of retention: 410 for what is gone, counts that stay, and a job over a file that was lost."""

import os
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from api.accept import accept
from api.uploads import UploadLost, Uploads
from db.blobs import open_blobs
from db.schema import Job, Source
from db.states import Kind
from db.store.submit import Submission, Upload
from model.verdict import Verdict
from settings import Settings
from worker.retention import DAY, Keep, Retention

Make = Callable[..., bytes]
Judged = Callable[[int, str], Verdict]
FILES = ("results.jsonl", "results.csv", "results.xlsx", "sidecars.zip")


def finished(api: Any, client: httpx.Client, archive: bytes, judged: Judged) -> str:
    """A finished job over a ZIP that ended ten days ago, as a worker and ten days would make it."""
    made = client.post("/v1/jobs", content=archive, headers={"Content-Type": "application/zip"}).json()["id"]
    api.unpack(made)
    api.judge(made, judged)
    with api.database.write() as session:
        session.execute(update(Job).where(Job.id == made).values(finished_at=Job.finished_at - 10 * DAY))
        session.execute(update(Source).values(created_at=Source.created_at - 10 * DAY))
    return str(made)


def prune(api: Any, uploads: float | None = None, results: float | None = None) -> None:
    keep = Keep(uploads and uploads * DAY, results and results * DAY)
    Retention(api.database, open_blobs(api.settings.blobs), keep, Event()).run()


def gone(answer: httpx.Response, code: str) -> None:
    assert (answer.status_code, answer.json().get("code")) == (410, code), answer.text


@pytest.fixture
def archive(zipped: Make, scene: Make) -> bytes:
    return zipped({f"{n}.jpg": scene("sea", n) for n in range(6)})


def test_an_upload_that_is_gone(api: Any, client: httpx.Client, archive: bytes, judged: Judged) -> None:
    job = finished(api, client, archive, judged)
    picture = f"/v1/items/{job}-0/image"
    seen = client.get(picture)
    assert seen.status_code == 200
    prune(api, uploads=9)
    gone(client.get(picture), "upload_gone")
    gone(client.get(picture, headers={"If-None-Match": seen.headers["ETag"]}), "upload_gone")
    gone(client.post(f"/v1/jobs/{job}/retry"), "upload_gone")
    gone(client.post(f"/v1/jobs/{job}/rerun", json={"model": "tiny"}), "upload_gone")
    described = client.get(f"/v1/jobs/{job}").json()
    assert described["expired_at"] is None and described["sources"][0]["deleted_at"] is not None
    assert len(client.get(f"/v1/jobs/{job}/items").json()["data"]) == 6
    assert client.get(f"/v1/jobs/{job}/results.csv").status_code == 200
    review = client.post(f"/v1/items/{job}-0/review", json={"correct": True})
    assert review.status_code == 200, "a verdict can be reviewed without its photo"


def test_results_that_are_gone(api: Any, client: httpx.Client, archive: bytes, judged: Judged) -> None:
    before = client.get("/v1/stats").json()
    job = finished(api, client, archive, judged)
    counts, stats = client.get(f"/v1/jobs/{job}").json()["counts"], client.get("/v1/stats").json()
    etag = client.get(f"/v1/jobs/{job}").headers["ETag"]
    prune(api, results=9)
    for name in ("items", *FILES):
        gone(client.get(f"/v1/jobs/{job}/{name}"), "expired")
    for name in ("", "/image"):
        gone(client.get(f"/v1/items/{job}-0{name}"), "expired")
    gone(client.post(f"/v1/items/{job}-0/review", json={"correct": True}), "expired")
    for how, body in (("retry", None), ("rerun", {"model": "tiny"})):
        gone(client.post(f"/v1/jobs/{job}/{how}", json=body), "expired")
    (listed,) = client.get("/v1/jobs").json()["data"]
    assert listed["expired_at"] is not None and listed["counts"] == counts
    assert client.get(f"/v1/jobs/{job}", headers={"If-None-Match": etag}).status_code == 200
    assert client.get("/v1/stats").json() == stats != before
    assert client.get("/v1/items").json()["data"] == []
    assert client.delete(f"/v1/jobs/{job}").status_code == 204


def test_a_half_deleted_job_shows_nothing_of_its_rest(
    api: Any, client: httpx.Client, archive: bytes, judged: Judged, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.retention.ITEMS_AT_ONCE", 2)
    job = finished(api, client, archive, judged)
    said = {"reviews": [{"id": f"{job}-{n}", "correct": True} for n in (3, 5)]}
    assert client.post("/v1/reviews", json=said).status_code == 200
    steps = iter(range(100))

    def crash() -> None:
        if next(steps) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Retention(api.database, open_blobs(api.settings.blobs), Keep(None, 9 * DAY), Event()).run(crash)
    gone(client.get(f"/v1/items/{job}-5"), "expired")
    gone(client.get(f"/v1/jobs/{job}/results.jsonl"), "expired")
    gone(client.get("/v1/scores", params={"job": job}), "expired")
    gone(client.post("/v1/reviews", json=said), "expired")
    gone(client.delete(f"/v1/items/{job}-5/review"), "expired")
    assert client.get("/v1/items").json()["data"] == [] == client.get("/v1/items?reviewed=true").json()["data"]
    assert client.get("/v1/items.jsonl").content == b""
    assert client.get("/v1/scores?guard=confidence").json()["items"] == []
    assert client.get("/v1/stats/reviews?by=day").json()["data"] == []
    prune(api)


def test_the_same_content_may_be_sent_again(
    api: Any, client: httpx.Client, archive: bytes, judged: Judged, zipped: Make
) -> None:
    job = finished(api, client, archive, judged)
    prune(api, uploads=9)
    again = finished(api, client, archive, judged)
    assert again != job
    assert client.get(f"/v1/items/{again}-0/image").status_code == 200


def test_no_job_is_made_over_a_file_that_is_gone(api: Any, scene: Make) -> None:
    blobs = open_blobs(api.settings.blobs)

    def uploaded() -> Uploads:
        writer = blobs.create()
        writer.write(scene("sea"))
        uploads = Uploads(blobs, 0)
        uploads.files.append(Upload(writer.commit(), "a.jpg", Kind.IMAGE, 9, "0" * 64))
        return uploads

    lost, kept = uploaded(), uploaded()
    blobs.delete(lost.files[0].blob)
    with pytest.raises(UploadLost, match="send it again"):
        accept(api.database, Submission("ann", "tiny", "1", lost.files), lost, 32, lambda session, job: None)
    # What took more than a day to arrive is as good as new once there is a job.
    path = Path(api.settings.blobs.removeprefix("file://")) / kept.files[0].blob
    os.utime(path, (0, 0))
    accept(api.database, Submission("ann", "tiny", "1", kept.files), kept, 32, lambda session, job: None)
    assert path.stat().st_mtime > 0
    assert not blobs.delete_old(path.name, 3600)


def test_the_system_tells_how_long_things_are_kept(serve: Any, home: Path, tmp_path: Path) -> None:
    settings = Settings(_env_file=None, data_dir=tmp_path, keep_uploads=30, keep_results=365, blobs_quota_bytes=7)
    with serve(settings) as other, other.client() as admin:
        found = admin.get("/v1/system").json()
    assert found["retention"] == {"keep_uploads_days": 30, "keep_results_days": 365}
    assert found["limits"]["blobs_quota_bytes"] == 7
    assert Settings(_env_file=None, keep_uploads="", keep_results="").keep_uploads == 0
