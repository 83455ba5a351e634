"""Many reviews at once, reviews taken back, and the scores that a reviewer looks at."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from db.schema import Job
from model.verdict import Verdict
from settings import Settings

Make = Callable[..., bytes]


@pytest.fixture
def job(api: Any, client: httpx.Client, scene: Make, judged: Any) -> str:
    """A finished job: photos 0, 1, 3 and 6 accepted, 2 and 5 rejected, 4 failed."""
    files = [("files", (f"p{n}.jpg", scene("sea", n), "image/jpeg")) for n in range(7)]
    made = str(client.post("/v1/jobs", files=files).json()["id"])
    assert api.judge(made, judged) == 7
    return made


def review(client: httpx.Client, *said: dict[str, Any]) -> httpx.Response:
    return client.post("/v1/reviews", json={"reviews": list(said)})


def kept(client: httpx.Client, job: str) -> dict[int, Any]:
    listed = client.get("/v1/items", params={"reviewed": True}).json()["data"]
    return {item["position"]: item["review"]["label"] for item in listed if item["job"] == job}


def test_many_reviews_are_kept_in_one_call(client: httpx.Client, job: str) -> None:
    answer = review(
        client,
        {"id": f"{job}-6", "label": "forest"},
        {"id": f"{job}-0", "correct": True},
        {"id": f"{job}-2", "label": None},
    )
    assert answer.status_code == 200
    said = [(one["id"], one["label"], one["correct"]) for one in answer.json()["data"]]
    assert said == [(f"{job}-6", "forest", False), (f"{job}-0", "sea", True), (f"{job}-2", None, True)]
    assert kept(client, job) == {0: "sea", 2: None, 6: "forest"}
    twice = review(client, {"id": f"{job}-0", "label": "sea"}, {"id": f"{job}-0", "label": "sunset"})
    assert [one["label"] for one in twice.json()["data"]] == ["sunset", "sunset"] and kept(client, job)[0] == "sunset"


def test_all_or_nothing(api: Any, client: httpx.Client, job: str) -> None:
    good = {"id": f"{job}-0", "correct": True}
    with api.client() as other:
        assert review(other, good).status_code == 404
    for bad, status in (
        ({"id": f"{job}-7", "correct": True}, 404),
        ({"id": "nonsense", "correct": True}, 404),
        ({"id": f"{job}-1", "label": "unicorn"}, 422),
        ({"id": f"{job}-1"}, 422),
        ({"id": f"{job}-1", "correct": False}, 422),
    ):
        answer = review(client, good, bad)
        assert (answer.status_code, bad["id"] in answer.json()["detail"]) == (status, True), answer.text
    assert kept(client, job) == {}
    for shape in ({"reviews": []}, {}, {"reviews": [good] * 501}, {"reviews": [good | {"odd": 1}]}):
        assert client.post("/v1/reviews", json=shape).status_code == 422
    with api.database.write() as session:
        session.execute(update(Job).where(Job.id == job).values(expired_at=1.0))
    gone = review(client, {"id": f"{job}-99", "correct": True})
    assert (gone.status_code, gone.json()["code"]) == (410, "expired")


def test_five_hundred_are_taken(
    serve: Any, own_home: Path, zipped: Make, judged: Callable[[int, str], Verdict]
) -> None:
    settings = Settings(_env_file=None, data_dir=own_home, model="tiny", min_free_bytes=1)
    files = zipped({f"{n}.jpg": b"x" for n in range(500)})
    with serve(settings) as api, api.client() as client:
        job = client.post("/v1/jobs", content=files, headers={"Content-Type": "application/zip"}).json()["id"]
        api.unpack(job)
        assert api.judge(job, judged) == 500
        said = [{"id": f"{job}-{n}", "correct": True} for n in range(500)]
        answer = review(client, *said)
        assert answer.status_code == 200 and [one["id"] for one in answer.json()["data"]] == [one["id"] for one in said]
        found = client.get(f"/v1/jobs/{job}/items", params={"reviewed": True, "limit": 500}).json()["data"]
        assert len(found) == 500 and all(one["review"]["correct"] for one in found)


def test_reviewers_at_once_do_not_wait_for_each_other_for_ever(client: httpx.Client, job: str) -> None:
    said = [{"id": f"{job}-{n}", "label": "forest"} for n in range(7)]
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda n: review(client, *(said[::-1] if n % 2 else said)).status_code, range(8)))
    assert answers == [200] * 8 and len(kept(client, job)) == 7


def test_a_review_is_taken_back(api: Any, client: httpx.Client, job: str) -> None:
    path = f"/v1/items/{job}-0/review"
    client.post(path, json={"correct": True})
    with api.client() as other:
        assert other.delete(path).status_code == 404
    assert kept(client, job) == {0: "sea"}
    assert [client.delete(path).status_code for _ in range(2)] == [204, 204]
    assert kept(client, job) == {} and client.get(f"/v1/items/{job}-0").json()["review"] is None
    assert client.delete(f"/v1/items/{job}-9/review").status_code == 404


def test_scores_come_as_lists(api: Any, client: httpx.Client, job: str) -> None:
    said = client.get("/v1/scores", params={"guard": "confidence", "job": job}).json()
    assert said["items"] == [f"{job}-{n}" for n in (6, 3, 1, 0)] and said["count"] == 4 and said["complete"]
    assert said["guards"] == ["blank", "confidence"] and said["guard"] == "confidence"
    assert said["values"] == [0.93] * 4 and said["thresholds"] == [0.6] * 4 and said["labels"] == ["sea"] * 4
    blank = client.get("/v1/scores", params={"guard": "blank", "model": "tiny", "limit": 1}).json()
    assert (blank["count"], blank["complete"], blank["confidences"]) == (1, False, [None])
    assert client.get("/v1/scores").json()["guard"] == "novelty"
    assert client.get("/v1/scores", params={"guard": "blank", "to": "2000-01-01"}).json()["count"] == 0
    assert client.get("/v1/scores", params={"limit": 20_001}).status_code == 422
    with api.client() as other:
        assert other.get("/v1/scores", params={"job": job}).status_code == 404
