"""The history over HTTP: narrowed by name and days, and exported as a file."""

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from api.results import COLUMNS
from db.schema import Item, Job

Make = Callable[..., bytes]
DAY = 86400.0


@pytest.fixture
def jobs(api: Any, client: httpx.Client, scene: Make, judged: Any) -> list[str]:
    """Two jobs of the same seven photos, judged on the 1st and in the last second of the 3rd of January 1970."""
    made = []
    for at in (0.0, 3 * DAY - 0.5):
        files = [("files", (f"{'ab'[n % 2]}/IMG_{n}.jpg", scene("sea", n), "image/jpeg")) for n in range(7)]
        made.append(str(client.post("/v1/jobs", files=files).json()["id"]))
        api.judge(made[-1], judged)
        with api.database.write() as session:
            session.execute(update(Job).where(Job.id == made[-1]).values(submitted_at=at, finished_at=at))
            session.execute(update(Item).where(Item.job_id == made[-1]).values(decided_at=at))
    return made


def ids(client: httpx.Client, path: str, **query: Any) -> list[str]:
    found: list[str] = []
    while True:
        page = client.get(path, params=query).json()
        found += [item["id"] for item in page["data"]]
        if page["next"] is None:
            return found
        query["after"] = page["next"]


def test_photos_are_found_by_the_beginning_of_their_names(client: httpx.Client, jobs: list[str]) -> None:
    old, new = jobs
    both = [f"{job}-{n}" for job in (new, old) for n in (5, 3, 1)]
    assert ids(client, "/v1/items", name="b/", limit=2) == both
    assert ids(client, f"/v1/jobs/{old}/items", name="b/IMG", limit=1) == [f"{old}-{n}" for n in (1, 3, 5)]
    assert ids(client, "/v1/items", name="b/", decision="rejected") == [f"{new}-5", f"{old}-5"]
    assert ids(client, "/v1/items", name="B/") == ids(client, "/v1/items", name="%") == []
    assert len(ids(client, "/v1/items", name="")) == 14


def test_photos_are_found_by_the_days_of_their_verdicts(client: httpx.Client, jobs: list[str]) -> None:
    old, new = jobs
    days = {"1970-01-01": [old], "1970-01-02": [], "1970-01-03": [new], "1970-01-04": []}
    for day, expected in days.items():
        query = {"from": day, "to": day, "limit": 3, "label": "sea"}
        assert ids(client, "/v1/items", **query) == [f"{job}-{n}" for job in expected for n in (6, 3, 1, 0)]
        assert len(ids(client, f"/v1/jobs/{old}/items", **query)) == (4 if expected == [old] else 0)
    assert len(ids(client, "/v1/items", **{"from": "1970-01-02", "name": "a/"})) == 4
    assert len(ids(client, "/v1/items", to="9999-12-31", model="tiny")) == 14
    assert ids(client, "/v1/items", **{"from": "0001-01-01", "to": "0001-01-01"}) == []
    for bad in ({"from": "yesterday"}, {"to": "1970-02-30"}, {"name": "a\x00"}, {"name": "x" * 201}):
        assert client.get("/v1/items", params=bad).status_code == 422


def test_a_selection_is_exported_as_it_is_listed(client: httpx.Client, jobs: list[str]) -> None:
    for query in ({}, {"decision": "accepted", "name": "b/"}, {"to": "1970-01-01"}, {"name": "none"}):
        listed = client.get("/v1/items", params=query).json()["data"]
        answer = client.get("/v1/items.jsonl", params=query)
        assert answer.headers["Content-Disposition"] == 'attachment; filename="photos.jsonl"'
        assert answer.headers["Content-Type"] == "application/x-ndjson"
        lines = [json.loads(line) for line in answer.text.splitlines()]
        assert lines == [{key: value for key, value in item.items() if key != "review"} for item in listed]
        table = client.get("/v1/items.csv", params=query)
        rows = list(csv.reader(io.StringIO(table.text)))
        assert tuple(rows[0]) == COLUMNS and [row[0] for row in rows[1:]] == [item["id"] for item in listed]
    assert client.get("/v1/items.csv", params={"decision": "odd"}).status_code == 422


def test_an_export_holds_the_owners_photos_alone(api: Any, jobs: list[str]) -> None:
    with api.client() as other:
        assert other.get("/v1/items.jsonl").text == ""
