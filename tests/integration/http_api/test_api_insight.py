"""What the dashboard asks for, through the client: tickets, exports, statistics, the queue, the system."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from client.client import Client
from client.errors import Refused
from db.store.keys import Scope
from db.store.shards import claim
from db.store.workers import beat, leave

Make = Callable[..., bytes]


@pytest.fixture
def ours(api: Any) -> Iterator[Client]:
    """A client of an owner of its own, who may everything but administrate."""
    with Client(api.url, api.key(Scope.SUBMIT, Scope.READ, Scope.REVIEW), patience=0) as found:
        yield found


@pytest.fixture
def job(api: Any, ours: Client, scene: Make, judged: Any) -> str:
    """A finished job, sent with a ticket: photos 0, 1, 3 and 6 accepted, 2 and 5 rejected, 4 failed."""
    ticket = ours.ticket()
    assert ticket.expires_at > datetime.now(UTC) and ticket.ticket in ticket.url
    files = [("files", (f"{'ab'[n % 2]}/IMG_{n}.jpg", scene("sea", n), "image/jpeg")) for n in range(7)]
    made = str(httpx.post(api.url + ticket.url, files=files).json()["id"])
    assert api.judge(made, judged) == 7
    return made


def test_listings_take_names_and_days(ours: Client, job: str) -> None:
    today = datetime.now(UTC).date()
    assert [item.position for item in ours.items(job, name="b/")] == [1, 3, 5]
    assert [item.position for item in ours.history(name="a/", from_=today, to=today, decision="accepted")] == [6, 0]
    assert list(ours.history(to=date(2000, 1, 1))) == []


def test_a_selection_becomes_a_file(ours: Client, job: str, tmp_path: Path) -> None:
    path = ours.export("jsonl", tmp_path / "photos.jsonl", name="b/", decision="accepted")
    assert [json.loads(line)["id"] for line in path.read_text().splitlines()] == [f"{job}-3", f"{job}-1"]
    assert ours.export("csv", tmp_path / "photos.csv", from_="2000-01-01").read_text().count("\n") == 8
    with pytest.raises(Refused):
        ours.export("csv", tmp_path / "bad.csv", decision="odd")
    assert not (tmp_path / "bad.csv").exists()


def test_reviews_are_given_counted_and_taken_back(ours: Client, job: str) -> None:
    said = ours.review_many(
        [
            {"id": f"{job}-0", "correct": True},
            {"id": f"{job}-1", "label": "forest"},
            {"id": f"{job}-2", "label": None},
        ]
    )
    assert [(one.label, one.correct) for one in said] == [("sea", True), ("forest", False), (None, True)]
    by_label = ours.review_stats("label")
    assert (by_label["reviewed"], by_label["correct"]) == (3, 2)
    assert by_label["data"] == [
        {"label": "sea", "reviewed": 2, "correct": 1},
        {"label": None, "reviewed": 1, "correct": 1},
    ]
    today = datetime.now(UTC).date().isoformat()
    assert ours.review_stats()["data"] == [{"day": today, "reviewed": 3, "correct": 2}]
    assert ours.review_stats("model", to="2000-01-01") == {"by": "model", "reviewed": 0, "correct": 0, "data": []}
    ours.unreview(f"{job}-1")
    ours.unreview(f"{job}-1")
    assert ours.review_stats("model")["data"] == [{"model": "tiny", "reviewed": 2, "correct": 2}]


def test_scores_and_totals(ours: Client, job: str) -> None:
    found = ours.scores("confidence", job=job, limit=2)
    assert (found["count"], found["complete"], found["items"]) == (2, False, [f"{job}-6", f"{job}-3"])
    assert ours.stats(["reason", "day"], from_="2000-01-01")["total"] == 7
    assert ours.stats("label")["data"] == [{"label": "", "count": 3}, {"label": "sea", "count": 4}]


def test_latency_comes_from_what_was_judged(ours: Client, job: str) -> None:
    told = ours.latency("backend")
    (row,) = told["data"]
    assert row["backend"] == "fake" and row["count"] == told["total"]["count"] == 4 and told["bucket_width"] <= 0.1
    assert all(row[name] == pytest.approx(1.5, rel=0.05) for name in ("p50", "p90", "p95", "p99"))
    now = datetime.now(UTC)
    assert ours.latency()["data"][0]["day"] == now.date().isoformat()
    assert ours.latency("hour", from_=now.date(), to=now.date())["data"][0]["hour"].endswith(":00:00.000Z")
    assert ours.latency(to="2000-01-01")["total"] == {"count": 0, "p50": None, "p90": None, "p95": None, "p99": None}


def test_the_queue_shows_what_waits_and_what_is_in_hand(api: Any, ours: Client, scene: Make) -> None:
    assert (ours.queue()["ready"], ours.queue()["oldest_seconds"]) == (0, None)
    ticket = ours.ticket()
    made = httpx.post(api.url + ticket.url, content=scene("sea"), headers={"Content-Type": "image/jpeg"}).json()["id"]
    told = ours.queue()
    assert told["ready"] == told["items_ready"] == told["lanes"]["interactive"]["ready"] == 1
    assert 0 <= told["oldest_seconds"] < 60 and told["lanes"]["bulk"]["oldest_seconds"] is None

    with api.database.write() as session:
        beat(session, "w1", "classify", "busy", [("tiny", "1", None)])
        taken = claim(session, "w1", [("tiny", "1", None)], 30.0, 1000)
    assert made in {one.job for one in taken}
    assert (ours.queue()["ready"], ours.queue()["leased"]) == (0, 1)
    owner = ours.me()["owner"]
    with Client(api.url, api.key(Scope.ADMIN, owner=owner)) as admin, Client(api.url, api.key(Scope.ADMIN)) as other:
        (mine,) = (worker for worker in admin.workers() if worker["name"] == "w1")
        (theirs,) = (worker for worker in other.workers() if worker["name"] == "w1")
    assert mine["holding"] == theirs["holding"] == len(taken) and mine["jobs"] == [made] and theirs["jobs"] == []
    with api.database.write() as session:
        leave(session, "w1")


def test_the_system_tells_its_limits_and_no_secrets(api: Any, ours: Client, job: str) -> None:
    with Client(api.url, api.key(Scope.ADMIN)) as admin:
        told = admin.system()
    assert told["version"] and told["uptime_seconds"] >= 0 and told["database"] == "sqlite"
    assert told["uploads"]["count"] >= 7 and told["uploads"]["bytes"] > 1000 and told["uploads"]["free_bytes"] > 0
    assert told["limits"]["max_upload_bytes"] == 2**20 and told["limits"]["ticket_minutes"] == 15
    assert told["retention"] == {"keep_uploads_days": api.settings.keep_uploads}
    assert str(api.settings.home) not in json.dumps(told)
    with pytest.raises(Refused, match="admin"):
        ours.system()
