"""Hostile and unlucky bodies: refused while they stream, and nothing of them is kept."""

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import Request

from api.body import TooSlow, body_of
from db.database import Database
from db.local_key import ensure_local_key
from db.store.keys import Scope
from db.upgrade import upgrade
from settings import Settings

Make = Callable[..., bytes]
ZIP = {"Content-Type": "application/zip"}
LIMIT = 2**20


def pieces(count: int, size: int = 65536) -> Iterator[bytes]:
    yield from (bytes(size) for _ in range(count))


def form(count: int, head: bytes = b"") -> bytes:
    part = b'--b\r\nContent-Disposition: form-data; name="files"; filename="a.jpg"\r\n' + head + b"\r\npicture\r\n"
    return part * count + b"--b--\r\n"


def connect(api: Any) -> socket.socket:
    host, port = api.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=20)


def until(condition: Callable[[], bool], seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_the_limit_is_413_and_nothing_is_kept(client: httpx.Client, api: Any, chunked: bool) -> None:
    before = api.blobs()
    body: Any = pieces(40) if chunked else bytes(40 * 65536)
    answer = client.post("/v1/jobs", content=body, headers=ZIP)
    assert answer.status_code == 413 and answer.json()["code"] == "too_large"
    parts = client.post("/v1/jobs", files=[("files", (f"{n}.jpg", bytes(LIMIT // 4))) for n in range(5)])
    assert parts.status_code == 413
    assert until(lambda: api.blobs() == before)


def test_a_declared_length_over_the_limit_is_refused_before_the_first_byte(api: Any) -> None:
    head = f"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {api.key(Scope.SUBMIT)}\r\n"
    with connect(api) as line:
        line.sendall(f"{head}Content-Type: application/zip\r\nContent-Length: {LIMIT + 1}\r\n\r\n".encode())
        began = time.monotonic()
        assert line.recv(4096).startswith(b"HTTP/1.1 413")
        assert time.monotonic() - began < 1


@pytest.mark.parametrize("expect", ["", "Expect: 100-continue\r\n"])
def test_without_a_key_the_body_is_not_waited_for(api: Any, expect: str) -> None:
    with connect(api) as line:
        head = "POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/zip\r\n"
        line.sendall(f"{head}{expect}Content-Length: 99999\r\n\r\n".encode())
        first = line.recv(4096)
        assert first.startswith(b"HTTP/1.1 401") and b"connection: close" in first.lower()


def test_the_refusal_reaches_a_sender_who_sends_on(api: Any) -> None:
    answer = httpx.post(f"{api.url}/v1/jobs", content=pieces(100), headers=ZIP, timeout=20)
    assert answer.status_code == 401 and answer.headers["X-Request-ID"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (form(21), "too_many_parts"),
        (form(1, b"X: " + b"h" * 20_000 + b"\r\n"), "bad_multipart"),
        (form(1, b"".join(b"X-%d: h\r\n" % n for n in range(100))), "bad_multipart"),
        (form(1)[:-8], "bad_multipart"),
        (b"no boundary at all", "bad_multipart"),
        (b"--b\r\nContent-Type: image/jpeg\r\n\r\nx\r\n--b--\r\n", "bad_multipart"),
        (b'--b\r\nContent-Disposition: form-data; name="top_k"\r\n\r\n3\r\n' * 4101 + b"--b--\r\n", "too_many_parts"),
    ],
)
def test_forms_that_cannot_be_read(client: httpx.Client, api: Any, body: bytes, code: str) -> None:
    before = api.blobs()
    answer = client.post("/v1/jobs", content=body, headers={"Content-Type": "multipart/form-data; boundary=b"})
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert api.blobs() == before
    none = client.post("/v1/jobs", content=body, headers={"Content-Type": "multipart/form-data"})
    assert none.status_code == 400


def test_the_description_says_how_many_files_a_form_may_hold(client: httpx.Client) -> None:
    body = client.get("/openapi.json").json()["paths"]["/v1/jobs"]["post"]["requestBody"]
    files = body["content"]["multipart/form-data"]["schema"]["properties"]["files"]
    assert (files["minItems"], files["maxItems"]) == (1, 20)


@pytest.mark.parametrize("start", [b"", form(2)[:-9]])
def test_a_client_that_drops_leaves_nothing(api: Any, client: httpx.Client, start: bytes) -> None:
    before = api.blobs()
    kind = "multipart/form-data; boundary=b" if start else "application/zip"
    with connect(api) as line:
        key = client.headers["X-API-Key"]
        head = f"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {key}\r\nContent-Type: {kind}\r\n"
        line.sendall(head.encode() + f"Content-Length: {LIMIT}\r\n\r\n".encode() + start + bytes(900_000))
        assert start == b"" or until(lambda: api.blobs() != before)
    assert until(lambda: api.blobs() == before)
    assert client.get("/v1/jobs").json()["data"] == []


def test_no_room_is_507_and_recovers(serve: Any, home: Path, scene: Make) -> None:
    settings = Settings(_env_file=None, data_dir=home, model="tiny", min_free_bytes=2**60)
    with serve(settings) as full:
        before = full.blobs()
        with full.client(Scope.SUBMIT) as client:
            answer = client.post("/v1/jobs", content=scene("sea"), headers={"Content-Type": "image/jpeg"})
        assert answer.status_code == 507 and answer.json()["code"] == "storage_full"
        assert full.blobs() == before
        assert httpx.get(f"{full.url}/health/ready").status_code == 503


@pytest.mark.parametrize("form", [False, True])
def test_a_disk_that_fills_up_is_507_and_recovers(home: Path, tmp_path: Path, scene: Make, form: bool) -> None:
    (tmp_path / "models").symlink_to(home / "models")
    database = Database(f"sqlite:///{tmp_path}/shoebox.db")
    upgrade(database)
    key = ensure_local_key(database, tmp_path / "key")
    database.close()
    # No file of the process may pass 8 MiB: the system refuses to write on, as it does on a full disk.
    limited = "import resource as r; r.setrlimit(r.RLIMIT_FSIZE, (2**23, 2**23)); from api.start import main; main()"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-c", limited],
        env={
            **os.environ,
            "SHOEBOX_DATA_DIR": str(tmp_path),
            "SHOEBOX_MODEL": "tiny",
            "SHOEBOX_LOG_LEVEL": "error",
            "SHOEBOX_PORT": str(port),
        },
    )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers={"X-API-Key": key or ""}, timeout=30) as client:
            assert until(lambda: answers(client), 30)
            big: dict[str, Any] = {"content": bytes(2**24), "headers": ZIP}
            if form:
                big = {"files": [("files", ("a.jpg", scene("sea"))), ("files", ("b.jpg", bytes(2**24)))]}
            answer = client.post("/v1/jobs", **big)
            assert (answer.status_code, answer.json()["code"]) == (507, "storage_full")
            assert list((tmp_path / "blobs").iterdir()) == [] and client.get("/v1/jobs").json()["data"] == []
            small = client.post("/v1/jobs", content=scene("sea"), headers={"Content-Type": "image/jpeg"})
            assert small.status_code == 202
    finally:
        process.terminate()
        process.wait(20)


def answers(client: httpx.Client) -> bool:
    try:
        return client.get("/health/live").is_success
    except httpx.TransportError:
        return False


def request_of(messages: list[tuple[float, dict[str, Any]]]) -> Request:
    """A request whose body comes in these messages, each after its pause."""
    left = iter(messages)

    async def receive() -> dict[str, Any]:
        pause, message = next(left)
        await asyncio.sleep(pause)
        return message

    return Request({"type": "http", "method": "POST", "path": "/", "headers": []}, receive)


def test_a_body_that_stops_coming_is_given_up() -> None:
    async def read(messages: list[tuple[float, dict[str, Any]]]) -> bytes:
        return b"".join([piece async for piece in body_of(request_of(messages), LIMIT, idle_seconds=0.2)])

    some = {"type": "http.request", "body": b"some", "more_body": True}
    last = {"type": "http.request", "body": b" more", "more_body": False}
    assert asyncio.run(read([(0.1, some), (0.1, some), (0.1, last)])) == b"somesome more"
    with pytest.raises(TooSlow):
        asyncio.run(read([(0.0, some), (0.5, last)]))
