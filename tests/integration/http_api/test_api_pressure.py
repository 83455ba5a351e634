"""Too many photos in the queue: the owner is asked to wait, or everybody is; it is over when some are judged."""

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from db.query.queue import waiting_photos
from db.store.keys import Scope
from model.verdict import Verdict
from settings import Settings

Make = Callable[..., bytes]
JPEG, ZIP = {"Content-Type": "image/jpeg"}, {"Content-Type": "application/zip"}


def crowded(answer: httpx.Response, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert int(answer.headers["Retry-After"]) > 0


def photos(scene: Make, count: int) -> dict[str, Any]:
    return {"files": [("files", (f"{n}.jpg", scene("sea", n))) for n in range(count)]}


def test_an_owner_waits_for_their_own_photos(
    serve: Any, own_home: Path, scene: Make, zipped: Make, judged: Callable[[int, str], Verdict]
) -> None:
    settings = Settings(
        _env_file=None, data_dir=own_home, model="tiny", min_free_bytes=1, max_queued_items=3, max_queued_items_in_all=6
    )
    with serve(settings) as api, api.client(owner="ann") as ann, api.client(owner="bob") as bob:
        first = ann.post("/v1/jobs", **photos(scene, 2))
        # One job may go over the limit: nobody knows what a ZIP holds before it is there.
        assert ann.post("/v1/jobs", **photos(scene, 3)).status_code == 202
        kept = api.blobs()
        for path in ("/v1/jobs", "/v1/classify?timeout=0"):
            crowded(ann.post(path, content=scene("sea"), headers=JPEG), 429, "too_many_queued")
        crowded(ann.post("/v1/jobs", content=zipped(a=b"x"), headers=ZIP), 429, "too_many_queued")
        assert api.blobs() == kept

        # Another's do not count, until the server as a whole has enough: an unopened ZIP is one.
        assert bob.post("/v1/jobs", content=zipped({"a.jpg": scene("sea")}), headers=ZIP).status_code == 202
        with api.database.read() as session:
            assert (waiting_photos(session, "ann"), waiting_photos(session, "bob")) == ((5, 6), (1, 6))
        crowded(bob.post("/v1/jobs", content=scene("sea"), headers=JPEG), 503, "queue_full")

        job = first.json()["id"]
        assert api.judge(job, judged) == 2
        assert bob.post("/v1/jobs", content=scene("sea"), headers=JPEG).status_code == 202
        crowded(ann.post(f"/v1/jobs/{job}/rerun", json={"model": "tiny"}), 429, "too_many_queued")
        crowded(ann.post(f"/v1/jobs/{job}/retry", json={"decision": "accepted"}), 429, "too_many_queued")
        for other in ann.get("/v1/jobs").json()["data"]:
            if not other["finished_at"]:
                ann.post(f"/v1/jobs/{other['id']}/cancel")
        assert ann.post(f"/v1/jobs/{job}/rerun", json={"model": "tiny"}).status_code == 202


def test_what_was_accepted_is_given_back_however_full_the_queue_is(serve: Any, own_home: Path, scene: Make) -> None:
    settings = Settings(
        _env_file=None, data_dir=own_home, model="tiny", min_free_bytes=1, max_queued_items=1, max_queued_items_in_all=1
    )
    with serve(settings) as api, api.client(Scope.SUBMIT, owner="ann") as ann, api.client(owner="bob") as bob:
        named = JPEG | {"Idempotency-Key": "once"}
        first = ann.post("/v1/jobs", content=scene("sea"), headers=named)
        crowded(ann.post("/v1/jobs", content=scene("sea"), headers=JPEG), 429, "too_many_queued")
        crowded(
            ann.post("/v1/jobs", content=scene("sea"), headers=JPEG | {"Idempotency-Key": "b"}), 429, "too_many_queued"
        )
        crowded(bob.post("/v1/jobs", content=scene("sea"), headers=named), 503, "queue_full")
        again = ann.post("/v1/jobs", content=scene("sea"), headers=named)
        assert (again.status_code, again.json()["id"]) == (202, first.json()["id"])
        assert again.headers["Idempotent-Replayed"] == "true"
        assert ann.post("/v1/jobs", content=scene("sea", 2), headers=named).json()["code"] == "idempotency_conflict"


def test_a_refusal_comes_before_a_large_body(serve: Any, own_home: Path, scene: Make) -> None:
    settings = Settings(_env_file=None, data_dir=own_home, model="tiny", min_free_bytes=1, max_queued_items=1)
    with serve(settings) as api, api.client(Scope.SUBMIT) as client:
        assert client.post("/v1/jobs", content=scene("sea"), headers=JPEG).status_code == 202
        host, port = api.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=20) as line:
            head = f"POST /v1/jobs HTTP/1.1\r\nHost: {host}:{port}\r\nX-API-Key: {client.headers['X-API-Key']}\r\n"
            line.sendall(f"{head}Content-Type: application/zip\r\nContent-Length: 20000000\r\n\r\n".encode())
            assert line.recv(4096).startswith(b"HTTP/1.1 429")


def test_without_limits_nobody_waits(serve: Any, own_home: Path, scene: Make) -> None:
    settings = Settings(
        _env_file=None, data_dir=own_home, model="tiny", min_free_bytes=1, max_queued_items=0, max_queued_items_in_all=0
    )
    with serve(settings) as api, api.client(Scope.SUBMIT) as client:
        for _ in range(3):
            assert client.post("/v1/jobs", content=scene("sea"), headers=JPEG).status_code == 202
