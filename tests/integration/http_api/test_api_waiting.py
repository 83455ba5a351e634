"""One photo judged while its sender waits; hints; and the health of it all, with Redis and without."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis
from redis_server import running_redis

from api import waiting
from api.wakeups import WakeUps
from db.store.keys import Scope
from db.store.workers import beat
from settings import Settings
from worker.senders import Hints

Make = Callable[..., bytes]
JPEG = {"Content-Type": "image/jpeg"}


def judge_soon(
    api: Any, client: httpx.Client, judged: Any, then: Callable[[str], None] = lambda job: None
) -> threading.Thread:
    """A worker in a thread: judges the owner's first job as soon as it is there."""

    def work() -> None:
        deadline = time.monotonic() + 10
        with httpx.Client(base_url=api.url, headers=client.headers) as looking:
            while not (jobs := looking.get("/v1/jobs").json()["data"]):
                assert time.monotonic() < deadline
                time.sleep(0.02)
        api.judge(jobs[0]["id"], judged)
        then(jobs[0]["id"])

    thread = threading.Thread(target=work)
    thread.start()
    return thread


@pytest.mark.parametrize("raw", [True, False])
def test_a_verdict_that_comes_in_time_is_the_answer(
    api: Any, client: httpx.Client, scene: Make, judged: Any, raw: bool
) -> None:
    worker = judge_soon(api, client, judged)
    body: dict[str, Any] = (
        {"content": scene("sea"), "headers": JPEG} if raw else {"files": {"file": ("a.jpg", scene("sea"))}}
    )
    answer = client.post("/v1/classify", **body)
    worker.join()
    assert answer.status_code == 200 and answer.json()["label"] == "sea" and "review" not in answer.json()


def test_a_verdict_that_is_late_is_a_job_to_ask_for(client: httpx.Client, scene: Make) -> None:
    began = time.monotonic()
    answer = client.post("/v1/classify", params={"timeout": 0.3}, content=scene("sea"), headers=JPEG)
    assert 0.3 <= time.monotonic() - began < 3
    assert answer.status_code == 202 and answer.headers["Location"] == f"/v1/jobs/{answer.json()['id']}"
    assert answer.headers["Retry-After"] == "1"


def test_exactly_one_photo_is_wanted(api: Any, client: httpx.Client, scene: Make, zipped: Make) -> None:
    before = api.blobs()
    archive = client.post("/v1/classify", content=zipped(a=scene("sea")), headers={"Content-Type": "application/zip"})
    assert archive.status_code == 422 and archive.json()["code"] == "not_one_image"
    two = client.post("/v1/classify", files=[("files", ("a", scene("sea"))), ("files", ("b", scene("sea")))])
    assert two.status_code == 400
    assert client.post("/v1/classify", params={"timeout": 61}, content=scene("sea"), headers=JPEG).status_code == 422
    assert api.blobs() == before


def test_without_redis_and_workers_jobs_are_still_accepted(api: Any, client: httpx.Client, scene: Make) -> None:
    answer = httpx.get(f"{api.url}/health/ready", timeout=20)
    parts = answer.json()["parts"]
    assert answer.status_code == 200 and answer.json()["status"] == "degraded"
    assert {name: part["status"] for name, part in parts.items()} == {
        "database": "ok",
        "blobs": "ok",
        "broker": "degraded",
        "control_workers": "degraded",
        "classify_workers": "degraded",
        "model": "ok",
    }
    began = time.monotonic()
    assert client.post("/v1/jobs", content=scene("sea"), headers=JPEG).status_code == 202
    assert time.monotonic() - began < 2
    assert httpx.get(f"{api.url}/health/live").json() == {"status": "ok"}


def test_a_database_that_is_away_is_503(serve: Any, home: Path, tmp_path: Path) -> None:
    settings = Settings(_env_file=None, data_dir=home, database_url=f"sqlite:///{tmp_path}/there/away.db")
    with serve(settings) as api, api.client(Scope.READ) as client:
        assert client.get("/v1/jobs").status_code == 200
        with api.database.write() as session:
            session.connection().exec_driver_sql("ALTER TABLE jobs RENAME TO away")
        answer = client.get("/v1/jobs")
        assert answer.status_code == 503 and answer.headers["Retry-After"] == "5"
        assert answer.json()["code"] == "database_unavailable" and "no such table" not in answer.text


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_redis(tmp_path_factory.mktemp("redis") / "redis.sock") as (url, _):
        yield url


Wired = tuple[Any, httpx.Client, "redis.Redis[bytes]"]


@pytest.fixture
def wired(serve: Any, home: Path, redis_url: str) -> Iterator[Wired]:
    """An API with a Redis that nobody else listens to, a client, and a look into that Redis."""
    settings = Settings(_env_file=None, data_dir=home, model="tiny", redis_url=redis_url)
    with (
        serve(settings) as api,
        api.client(Scope.SUBMIT, Scope.READ) as client,
        redis.Redis.from_url(redis_url) as seen,
    ):
        seen.flushall()
        yield api, client, seen


def test_with_redis_hints_go_out_and_a_waiter_is_woken(wired: Wired, scene: Make, zipped: Make, judged: Any) -> None:
    api, client, seen = wired
    hints = Hints(api.settings)
    with api.database.write() as session:
        beat(session, "control@test", "control", "idle", [], None)
        beat(session, "classify@test", "classify", "idle", [("tiny", "1", None)], "fake")
    ready = httpx.get(f"{api.url}/health/ready").json()
    assert ready["status"] == "ready", ready
    worker = judge_soon(api, client, judged, hints.done)
    began = time.monotonic()
    assert client.post("/v1/classify", content=scene("sea"), headers=JPEG).status_code == 200
    assert time.monotonic() - began < 5
    worker.join()
    for files, queue in (
        ({"a.zip": zipped(a=scene("sea"))}, "control"),
        ({f"{n}": scene("sea") for n in range(9)}, "bulk"),
    ):
        client.post("/v1/jobs", files=[("files", (name, data)) for name, data in files.items()])
        deadline = time.monotonic() + 5
        while not seen.llen(queue):
            assert time.monotonic() < deadline, f"no hint in {queue}"
            time.sleep(0.02)
    assert seen.llen("interactive") == 1
    hints.close()


async def woken(redis_url: str, hints: Hints, look: Callable[[], tuple[str, bool]], early: bool = False) -> str:
    """What somebody finds who waits for a job that ends after half a second, and who hears of it."""
    wakeups = WakeUps(redis_url)
    wakeups.start()
    while not wakeups.hears:
        await asyncio.sleep(0.01)
    end = threading.Timer(0.5, hints.done, ["job"])
    end.start()
    try:
        return await waiting.awaited(look, wakeups, "job", 60, early=early)
    finally:
        end.join()  # who waits may have heard before Redis has answered who told it
        await wakeups.close()


def test_a_waiter_that_is_woken_looks_seldom_and_misses_no_wake_up(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "WOKEN_PAUSE", 20)
    hints = Hints(Settings(_env_file=None, redis_url=redis_url))
    done = threading.Event()
    looks = 0

    def look() -> tuple[str, bool]:
        nonlocal looks
        looks += 1
        found = done.is_set()
        if looks == 2:  # what is said while somebody looks counts for the next look
            done.set()
            hints.done("job")
            time.sleep(0.2)
        return "found", found

    began = time.monotonic()
    assert asyncio.run(woken(redis_url, hints, look)) == "found"
    assert looks == 3 and time.monotonic() - began < 15
    hints.close()


def test_who_waits_early_looks_for_the_first_time_when_woken(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "WOKEN_PAUSE", 20)
    hints = Hints(Settings(_env_file=None, redis_url=redis_url))
    looks: list[float] = []

    def look() -> tuple[str, bool]:
        looks.append(time.monotonic())
        return "found", True

    began = time.monotonic()
    assert asyncio.run(woken(redis_url, hints, look, early=True)) == "found"
    assert len(looks) == 1 and 0.5 <= looks[0] - began < 15
    hints.close()


def test_who_waits_for_a_wake_up_looks_as_soon_as_redis_is_gone(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "WOKEN_PAUSE", 20)
    done = threading.Event()

    def cut() -> None:
        done.set()
        with redis.Redis.from_url(redis_url) as client:
            client.client_kill_filter(_type="pubsub")

    async def waits() -> str:
        wakeups = WakeUps(redis_url)
        wakeups.start()
        while not wakeups.hears:
            await asyncio.sleep(0.01)
        timer = threading.Timer(0.5, cut)
        timer.start()
        try:
            return await waiting.awaited(lambda: ("found", done.is_set()), wakeups, "job", 60)
        finally:
            timer.join()
            await wakeups.close()

    began = time.monotonic()
    assert asyncio.run(waits()) == "found"
    assert time.monotonic() - began < 15


def test_numbers_for_prometheus(api: Any, client: httpx.Client, scene: Make) -> None:
    client.post("/v1/jobs", content=scene("sea"), headers=JPEG)
    text = httpx.get(f"{api.url}/metrics").text
    assert 'shoebox_requests_total{method="POST",route="/v1/jobs",status="202"}' in text
    assert 'shoebox_shards{lane="interactive",state="ready"}' in text and "# TYPE shoebox_jobs gauge" in text


def test_the_docs_describe_every_field(api: Any) -> None:
    assert httpx.get(f"{api.url}/docs").status_code == 200
    document = httpx.get(f"{api.url}/openapi.json").json()
    for name, schema in document["components"]["schemas"].items():
        for field, about in schema.get("properties", {}).items():
            assert "description" in about, f"{name}.{field}"
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation.get("summary") and operation.get("description"), f"{method} {path}"
            assert all("description" in one for one in operation.get("parameters", ()) if one["in"] != "path")


def test_a_worker_is_hinted_before_there_is_a_job_unless_others_wait(wired: Wired, scene: Make) -> None:
    _, client, seen = wired
    with ThreadPoolExecutor() as pool:

        def hints(seconds: float) -> int:
            found = 0
            while seen.blpop(["interactive"], seconds):
                found += 1
            return found

        def sent(path: str) -> int:
            photo: dict[str, Any] = {"content": scene("sea"), "headers": JPEG}
            answer = pool.submit(client.post, path, params={"timeout": 8} if path == "/v1/classify" else {}, **photo)
            found = hints(1.5)
            answers.append(answer)
            return found

        answers: list[Future[httpx.Response]] = []
        assert sent("/v1/jobs") == 1, "nobody waits for it"
        assert sent("/v1/classify") == 2, "while it is stored, and when there is a job"
        assert sent("/v1/classify") == 1, "somebody waits already, so that a worker is awake"
        assert {answer.result().status_code for answer in answers} == {202}
