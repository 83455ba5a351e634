"""The services of docker-compose.yml, started by their own commands, do the main job together."""

import io
import json
import os
import re
import time
import zipfile
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from typing import Any

import httpx
import pytest
import redis
from composed import PROXY, Composed
from running import wait_until


@pytest.fixture(scope="module")
def stack(postgres: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composed]:
    """Everything that ``docker compose up`` starts, against a real Redis and a real PostgreSQL."""
    url = postgres.create().replace("postgresql+psycopg://", "postgresql://")
    # Without its password, which is to come from the secret.
    composed = Composed(tmp_path_factory.mktemp("compose"), re.sub(r":[^:@/]*@", "@", url, count=1))
    ports = composed.ports
    try:
        secrets = composed.folder / "volumes"
        for inside, volume in (("shoebox", "secrets"), ("grafana", "secrets-grafana")):
            (secrets / volume).mkdir(parents=True)
            (secrets / inside).symlink_to(secrets / volume)
        composed.run("secrets", ["sh", "deploy/compose/secrets.sh", str(secrets)])
        words = composed.services["redis"]["command"]
        composed.start("redis", [word.replace("6379", str(ports["redis"])) for word in words])
        composed.run("migrate")
        composed.start("api", SHOEBOX_HOST="127.0.0.1", SHOEBOX_PORT=str(ports["api"]))
        composed.start("worker-control")
        composed.start("worker-cpu", SHOEBOX_DECODERS="1", SHOEBOX_THREADS="1")
        composed.start(
            "dashboard",
            SHOEBOX_HOST="127.0.0.1",
            SHOEBOX_PORT=str(ports["nginx"]),
            SHOEBOX_DASHBOARD_PORT=str(ports["dashboard"]),
        )
        composed.fill_in()
        composed.start("nginx")
        yield composed
    finally:
        composed.close()
        postgres.drop(url)


@pytest.fixture(scope="module")
def key(stack: Composed) -> str:
    """The first key, where the compose file says that it is found."""
    return (stack.mounts("api")["/data"] / "key").read_text().strip()


def answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def is_ready(url: str) -> bool:
    return answers(f"{url}/health/ready") and httpx.get(f"{url}/health/ready").json()["status"] == "ready"


def test_a_zip_goes_in_through_nginx_and_its_photos_come_out(
    stack: Composed, key: str, scene: Callable[..., bytes]
) -> None:
    wait_until(lambda: is_ready(stack.url), 120, stack.logs)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as made:
        for number, kind in enumerate(("sunset", "forest", "sea")):
            made.writestr(f"{kind}.jpg", scene(kind, number, 320, 240))
        made.writestr("notes.jpg", b"no picture at all")

    with httpx.Client(base_url=stack.url, headers={"Authorization": f"Bearer {key}"}, timeout=30) as outside:
        accepted = outside.post("/v1/jobs", files={"files": ("trip.zip", archive.getvalue(), "application/zip")})
        assert accepted.status_code == 202, accepted.text
        place = accepted.headers["Location"]

        def finished() -> bool:
            found = outside.get(place)
            assert found.status_code == 200, found.text
            return bool(found.json()["state"] == "completed")

        wait_until(finished, 90, stack.logs)
        counts = outside.get(place).json()["counts"]
        items = outside.get(f"{place}/items").json()["data"]
    assert (counts["total"], counts["pending"], counts["failed"]) == (4, 0, 0)
    assert {item["name"] for item in items} == {"sunset.jpg", "forest.jpg", "sea.jpg", "notes.jpg"}
    assert {item["reason"] for item in items if item["name"] == "notes.jpg"} == {"not_an_image"}
    assert {item["model"]["name"] for item in items if item["name"] != "notes.jpg"} == {"scenes"}


def test_an_upload_passes_through_nginx_as_it_comes(stack: Composed, key: str) -> None:
    """With half of it sent, that half is where the API keeps uploads, and not with nginx."""
    wait_until(lambda: is_ready(stack.url), 120, stack.logs)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("noise.jpg", os.urandom(8 * 2**20))
    body, uploads = archive.getvalue(), stack.mounts("api")["/data/blobs"]

    sent = HTTPConnection("127.0.0.1", stack.ports["nginx"], timeout=30)
    sent.putrequest("POST", "/v1/jobs")
    sent.putheader("X-API-Key", key)
    sent.putheader("Content-Type", "application/zip")
    sent.putheader("Content-Length", str(len(body)))
    sent.endheaders(body[: len(body) // 2])
    wait_until(lambda: any(part.stat().st_size > len(body) // 3 for part in uploads.glob("*.part")), 20, stack.logs)
    sent.send(body[len(body) // 2 :])

    assert sent.getresponse().status == 202
    sent.close()


def test_redis_wants_its_password(stack: Composed) -> None:
    with redis.Redis(port=stack.ports["redis"]) as stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()
    password = (stack.mounts("redis")["/run/secrets"] / "shoebox_redis_password").read_text()
    with redis.Redis(port=stack.ports["redis"], password=password) as known:
        assert known.config_get("appendonly") == {"appendonly": "yes"}
        assert known.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


def test_passwords_are_made_once(stack: Composed) -> None:
    files = sorted((stack.folder / "volumes").glob("secrets*/*"))
    before = [path.read_text() for path in files]

    stack.run("secrets", ["sh", "deploy/compose/secrets.sh", str(stack.folder / "volumes")])

    assert [path.read_text() for path in files] == before
    assert len(set(before)) == 3 and all(re.fullmatch("[0-9a-f]{64}", one) for one in before)


@pytest.mark.parametrize("name", ["redis", "worker-control", "worker-cpu"])
def test_health_checks_say_yes_while_it_runs(stack: Composed, name: str) -> None:
    wait_until(lambda: is_ready(stack.url), 120, stack.logs)
    kind, *words = stack.services[name]["healthcheck"]["test"]
    port = str(stack.ports["redis"])
    words = ["sh", "-c", words[0].replace("redis-cli", f"redis-cli -p {port}")] if kind == "CMD-SHELL" else words
    stack.run(name, words)


def test_the_dashboard_is_there(stack: Composed) -> None:
    at = f"http://127.0.0.1:{stack.ports['dashboard']}"
    wait_until(lambda: answers(f"{at}/_stcore/health"), 60, stack.logs)
    assert answers(at)


def test_nginx_refuses_in_the_words_of_the_api(stack: Composed, key: str) -> None:
    wait_until(lambda: is_ready(stack.url), 120, stack.logs)
    asked = HTTPConnection("127.0.0.1", stack.ports["nginx"], timeout=30)
    asked.putrequest("POST", "/v1/jobs")
    asked.putheader("X-API-Key", key)
    asked.putheader("Content-Type", "application/zip")
    asked.putheader("Content-Length", str(50 * 2**30 + 1))
    asked.endheaders()
    refused = asked.getresponse()
    assert (refused.status, json.load(refused)["code"]) == (413, "too_large")
    assert refused.headers["Content-Type"] == "application/problem+json"
    asked.close()
    assert httpx.get(f"{stack.url}/metrics").status_code == 404


def test_the_caller_is_whom_nginx_saw_or_a_proxy_that_it_trusts(stack: Composed) -> None:
    wait_until(lambda: is_ready(stack.url), 120, stack.logs)
    for source, forged in (("127.0.0.1", "192.0.2.7"), (PROXY, "192.0.2.8")):
        with httpx.Client(transport=httpx.HTTPTransport(local_address=source)) as client:
            refused = client.get(
                f"{stack.url}/v1/me", headers={"X-Forwarded-For": forged, "X-Forwarded-Proto": "https"}
            )
            assert refused.status_code == 401
    wait_until(lambda: "192.0.2.8" in (stack.folder / "api.log").read_text(), 10, stack.logs)
    assert "192.0.2.7" not in (stack.folder / "api.log").read_text()


def test_no_password_is_in_a_log(stack: Composed, key: str) -> None:
    written = "".join(path.read_text() for path in stack.folder.glob("*.log"))
    for path in (stack.folder / "volumes").glob("secrets*/*"):
        assert path.read_text() not in written
    assert key not in written


def test_a_stop_is_quick_and_in_order(stack: Composed) -> None:
    """Last of all: what a stop of the containers sends, and within their grace. Then no worker is healthy any more."""
    for name, process in reversed(stack.processes.items()):
        if process.poll() is None:
            started = time.monotonic()
            process.terminate()
            assert process.wait(15) in (0, -15), f"{name}\n{stack.logs()}"
            assert time.monotonic() - started < 15
    assert stack.start("worker-cpu", ["python", "-m", "worker.health"]).wait(30) == 1
