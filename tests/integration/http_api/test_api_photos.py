"""Photos with their verdicts: listed, shown, reviewed, exported, counted."""

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from PIL import Image
from sqlalchemy import update

from api.results import COLUMNS
from db.schema import Job

Make = Callable[..., bytes]


def job_of(client: httpx.Client, files: dict[str, bytes]) -> str:
    parts = [("files", (name, data, "image/jpeg")) for name, data in files.items()]
    return str(client.post("/v1/jobs", files=parts).json()["id"])


@pytest.fixture
def job(api: Any, client: httpx.Client, scene: Make, judged: Any) -> str:
    """A finished job: photos 0, 1, 3 and 6 accepted, 2 and 5 rejected, 4 failed."""
    made = job_of(client, {f"p{n}.jpg": scene("sea", n) for n in range(7)})
    assert api.judge(made, judged) == 7
    return made


def test_an_item_has_the_fields_that_were_agreed(client: httpx.Client, job: str) -> None:
    assert client.get(f"/v1/items/{job}-0").json() == {
        "id": f"{job}-0",
        "job": job,
        "position": 0,
        "name": "p0.jpg",
        "decision": "accepted",
        "reason": None,
        "explanation": "Looks like: sea.",
        "label": "sea",
        "confidence": 0.93,
        "tags": [{"label": "sea", "confidence": 0.93}, {"label": "forest", "confidence": 0.04}],
        "scores": {"confidence": {"value": 0.93, "threshold": 0.6}},
        "model": {"name": "tiny", "version": "1", "checksum": "9f1c20ab37de5510"},
        "backend": "fake",
        "width": 160,
        "height": 120,
        "bytes": 4000,
        "inference_ms": 1.5,
        "review": None,
    }
    assert client.get(f"/v1/jobs/{job}").json()["outcome"] == "partial"


def walk(client: httpx.Client, path: str, **query: Any) -> list[int]:
    found: list[int] = []
    while True:
        page = client.get(path, params=query).json()
        found += [item["position"] for item in page["data"]]
        if page["next"] is None:
            return found
        query["after"] = page["next"]


def test_items_are_listed_by_pages_and_narrowed(client: httpx.Client, job: str) -> None:
    path = f"/v1/jobs/{job}/items"
    assert walk(client, path, limit=3) == [0, 1, 2, 3, 4, 5, 6]
    assert walk(client, "/v1/items", limit=2) == [6, 5, 4, 3, 2, 1, 0]
    assert walk(client, path, decision="rejected", limit=1) == [2, 5]
    assert walk(client, "/v1/items", reason="timeout") == [4]
    assert walk(client, "/v1/items", label="sea", decision="accepted", model="tiny", limit=2) == [6, 3, 1, 0]
    assert walk(client, path, label="forest") == []
    for bad in ({"decision": "odd"}, {"after": "%%%"}, {"after": "YQ"}, {"label": "a\x00"}, {"limit": 9999}):
        assert client.get(path, params=bad).status_code == 422


def test_results_hold_every_item_as_the_api_shows_it(client: httpx.Client, job: str) -> None:
    answer = client.get(f"/v1/jobs/{job}/results.jsonl")
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{job}.jsonl"'
    lines = [json.loads(line) for line in answer.text.splitlines()]
    shown = [
        {k: v for k, v in item.items() if k != "review"} for item in client.get(f"/v1/jobs/{job}/items").json()["data"]
    ]
    assert lines == shown and len(lines) == 7
    rows = list(csv.DictReader(io.StringIO(client.get(f"/v1/jobs/{job}/results.csv").text)))
    assert list(rows[0]) == list(COLUMNS) and [row["position"] for row in rows] == [str(n) for n in range(7)]
    assert rows[0]["tags"] == "sea|forest" and rows[0]["model"] == "tiny" and rows[2]["reason"] == "blank"
    assert json.loads(rows[0]["scores"]) == lines[0]["scores"] and rows[2]["confidence"] == ""


def test_a_table_holds_no_formula(api: Any, client: httpx.Client, scene: Make, judged: Any) -> None:
    names = ["=1+1.jpg", "+a.jpg", "-a.jpg", "@a.jpg", 'plain, "quoted".jpg']
    made = job_of(client, {name: scene("sea") for name in names})
    api.judge(made, judged)
    rows = list(csv.DictReader(io.StringIO(client.get(f"/v1/jobs/{made}/results.csv").text)))
    assert [row["name"] for row in rows] == ["'=1+1.jpg", "'+a.jpg", "'-a.jpg", "'@a.jpg", 'plain, "quoted".jpg']


def test_results_before_the_end_hold_what_is_judged(client: httpx.Client, scene: Make) -> None:
    made = job_of(client, {"a.jpg": scene("sea")})
    assert client.get(f"/v1/jobs/{made}/results.jsonl").text == ""
    assert client.get(f"/v1/jobs/{made}/items").json() == {"data": [], "next": None}
    assert client.get(f"/v1/items/{made}-0").status_code == 404


def test_expired_results_are_gone(api: Any, client: httpx.Client, job: str) -> None:
    with api.database.write() as session:
        session.execute(update(Job).where(Job.id == job).values(expired_at=1.0))
    for path in ("items", "results.jsonl", "results.csv"):
        answer = client.get(f"/v1/jobs/{job}/{path}")
        assert answer.status_code == 410 and answer.json()["code"] == "expired"
    assert client.get(f"/v1/items/{job}-99").status_code == 410
    assert client.post(f"/v1/jobs/{job}/retry").status_code == 410
    assert client.get(f"/v1/jobs/{job}").json()["expired_at"] == "1970-01-01T00:00:01.000Z"


def test_a_preview_is_small_upright_and_bare(
    api: Any, client: httpx.Client, scene: Make, judged: Any, zipped: Make
) -> None:
    exif = Image.Exif()
    exif[274] = 6  # lies on its side
    exif[34853] = {1: "N", 2: (48.0, 8.0, 0.0)}
    exif[271] = "Camera Maker"
    photo = io.BytesIO()
    Image.open(io.BytesIO(scene("sea", 0, 400, 300))).save(photo, "JPEG", exif=exif, comment=b"secret place")
    assert b"Camera Maker" in photo.getvalue()
    made = job_of(client, {"a.jpg": photo.getvalue(), "b.jpg": b"no picture"})
    api.judge(made, judged)
    answer = client.get(f"/v1/items/{made}-0/image", params={"size": 100})
    shown = Image.open(io.BytesIO(answer.content))
    assert answer.headers["Content-Type"] == "image/jpeg" and shown.format == "JPEG" and shown.size == (75, 100)
    assert not shown.getexif() and "comment" not in shown.info
    assert b"Exif" not in answer.content and b"Camera" not in answer.content and b"secret" not in answer.content
    assert answer.headers["Cache-Control"].startswith("private")
    tag = {"If-None-Match": answer.headers["ETag"]}
    assert client.get(f"/v1/items/{made}-0/image", params={"size": 100}, headers=tag).status_code == 304
    assert client.get(f"/v1/items/{made}-0/image", params={"size": 101}, headers=tag).status_code == 200
    assert client.get(f"/v1/items/{made}-1/image").json()["code"] == "no_preview"
    assert client.get(f"/v1/items/{made}-0/image", params={"size": 9999}).status_code == 422
    assert client.get(f"/v1/items/{made}-7/image").status_code == 404


def test_a_preview_without_its_upload_is_gone(api: Any, client: httpx.Client, scene: Make, judged: Any) -> None:
    before = api.blobs()
    made = job_of(client, {"a.jpg": scene("sea", 77)})
    api.judge(made, judged)
    for blob in api.blobs() - before:
        (api.settings.home / "blobs" / blob).unlink()
    answer = client.get(f"/v1/items/{made}-0/image")
    assert answer.status_code == 410 and answer.json()["code"] == "upload_gone"


@pytest.mark.parametrize(
    ("position", "said", "label", "correct"),
    [
        (0, {"correct": True}, "sea", True),
        (0, {"label": "sea"}, "sea", True),
        (0, {"label": "forest"}, "forest", False),
        (0, {"label": None}, None, False),
        (2, {"correct": True}, None, True),
        (2, {"label": None}, None, True),
        (2, {"label": "sunset", "correct": False}, "sunset", False),
    ],
)
def test_a_review_is_kept_beside_the_verdict(
    client: httpx.Client, job: str, position: int, said: dict[str, Any], label: str | None, correct: bool
) -> None:
    answer = client.post(f"/v1/items/{job}-{position}/review", json=said)
    assert answer.status_code == 200
    kept = client.get(f"/v1/items/{job}-{position}").json()["review"]
    assert kept == answer.json() and (kept["label"], kept["correct"]) == (label, correct)


def test_reviewed_photos_are_listed_across_jobs(
    api: Any, client: httpx.Client, job: str, scene: Make, judged: Any
) -> None:
    later = job_of(client, {"a.jpg": scene("sea", 1), "b.jpg": scene("sea", 2)})
    api.judge(later, judged)
    for item in (f"{job}-2", f"{job}-6", f"{later}-1"):
        client.post(f"/v1/items/{item}/review", json={"label": "forest"})
    listed = client.get("/v1/items", params={"reviewed": True}).json()["data"]
    assert [item["id"] for item in listed] == [f"{later}-1", f"{job}-6", f"{job}-2"]
    assert {item["review"]["label"] for item in listed} == {"forest"}
    assert walk(client, "/v1/items", reviewed=True, limit=1) == [1, 6, 2]
    assert walk(client, f"/v1/jobs/{job}/items", reviewed=True, limit=1) == [2, 6]
    assert walk(client, f"/v1/jobs/{job}/items", reviewed=False, decision="accepted") == [0, 1, 3]
    assert client.get("/v1/items", params={"reviewed": "perhaps"}).status_code == 422


def test_reviews_that_say_nothing_are_refused(client: httpx.Client, job: str) -> None:
    for said in (
        {},
        {"correct": False},
        {"label": "unicorn"},
        {"label": ""},
        {"label": "sea", "correct": False},
        {"lable": "sea"},
    ):
        assert client.post(f"/v1/items/{job}-0/review", json=said).status_code == 422
    assert client.get(f"/v1/items/{job}-0").json()["review"] is None


def test_totals_are_grouped_as_asked(client: httpx.Client, job: str) -> None:
    assert client.get("/v1/stats").json() == {
        "by": ["decision"],
        "total": 7,
        "data": [
            {"decision": "accepted", "count": 4},
            {"decision": "failed", "count": 1},
            {"decision": "rejected", "count": 2},
        ],
    }
    both = client.get("/v1/stats", params={"by": ["reason", "model"]}).json()["data"]
    assert {"reason": "blank", "model": "tiny", "count": 2} in both
    assert client.get("/v1/stats", params={"to": "2000-01-01"}).json()["total"] == 0
    for bad in ({"by": "owner"}, {"from": "yesterday"}):
        assert client.get("/v1/stats", params=bad).status_code == 422


def test_models_are_described(client: httpx.Client) -> None:
    listed = client.get("/v1/models").json()["data"]
    tiny = next(model for model in listed if model["name"] == "tiny")
    assert tiny["default"] and tiny["labels"] == ["sunset", "forest", "sea"] and tiny["version"] == "1"
    detail = client.get("/v1/models/tiny").json()
    assert detail["card"].startswith("# Tiny") and detail["thresholds"]["confidence"] == 0.6
