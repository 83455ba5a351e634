"""How many requests a key and an address may make, with Redis, without it, and while it goes and comes."""

import asyncio
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis
from redis_server import running_redis

from api.pace import Pace, TooManyRequests, network_of
from db.store.keys import Scope
from settings import Settings


@pytest.fixture
def broker() -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    # A socket's path may have 100 letters, which those of pytest's folders may not leave.
    with tempfile.TemporaryDirectory(prefix="sb-") as folder, running_redis(Path(folder) / "r.sock") as running:
        yield running


def settings_of(home: Path, tmp_path: Path, **more: Any) -> Settings:
    said: dict[str, Any] = {"data_dir": home, "model": "tiny", "min_free_bytes": 1, "_env_file": None}
    return Settings(**said | {"database_url": f"sqlite:///{tmp_path / 'rows.db'}"} | more)


def spent(client: httpx.Client, requests: int) -> list[int]:
    return [client.get("/v1/me").status_code for _ in range(requests)]


@pytest.mark.parametrize("with_redis", [True, False])
def test_a_key_has_its_share_and_others_theirs(
    home: Path, tmp_path: Path, serve: Callable[..., Any], broker: Any, with_redis: bool
) -> None:
    more = {"redis_url": broker[0]} if with_redis else {}
    with serve(settings_of(home, tmp_path, requests_per_minute=5, **more)) as api, api.client() as one:
        first = one.get("/v1/me")
        assert first.headers["RateLimit-Policy"] == '"address";q=6000;w=60, "key";q=5;w=60'
        assert '"key";r=4;t=' in first.headers["RateLimit"]
        assert spent(one, 4) == [200] * 4
        refused = one.get("/v1/me")
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_requests")
        assert 1 <= int(refused.headers["Retry-After"]) <= 60
        assert refused.headers["Content-Type"] == "application/problem+json"
        with api.client() as other:
            assert spent(other, 1) == [200]
        # The count is shared by all processes where there is a Redis.
        with serve(settings_of(home, tmp_path, requests_per_minute=5, **more)) as second:
            again = httpx.get(f"{second.url}/v1/me", headers=one.headers)
            assert again.status_code == (429 if with_redis else 200)


def test_redis_is_asked_three_times_for_a_request(
    home: Path, tmp_path: Path, serve: Callable[..., Any], broker: Any
) -> None:
    with serve(settings_of(home, tmp_path, redis_url=broker[0])) as api, api.client() as client:
        client.get("/v1/me")
        with redis.Redis.from_url(broker[0]) as connection:
            connection.config_resetstat()
            assert spent(client, 10) == [200] * 10
            calls = connection.info("commandstats")["cmdstat_evalsha"]["calls"]  # type: ignore[index]
        last = client.get("/v1/me")
    assert calls == 30, "two counts, and what is left of the key's"
    assert last.headers["RateLimit"].startswith('"key";r=2988;t=') and "address" in last.headers["RateLimit-Policy"]


def test_an_address_has_its_share_whatever_the_keys(home: Path, tmp_path: Path, serve: Callable[..., Any]) -> None:
    with serve(settings_of(home, tmp_path, address_requests_per_minute=6)) as api:
        codes = [httpx.get(f"{api.url}/v1/me", headers={"X-API-Key": f"guess {n}"}).status_code for n in range(10)]
        assert codes == [401] * 6 + [429] * 4
        upload = httpx.post(f"{api.url}/v1/jobs", content=b"x" * 2**20, headers={"Content-Type": "application/zip"})
        assert upload.status_code == 429
        for path in ("/health/live", "/metrics"):
            answers = [httpx.get(api.url + path) for _ in range(10)]
            assert all(answer.is_success and "RateLimit" not in answer.headers for answer in answers)


def test_an_upload_counts_once_however_large(
    home: Path, tmp_path: Path, serve: Callable[..., Any], scene: Callable[..., bytes]
) -> None:
    with serve(settings_of(home, tmp_path, requests_per_minute=3)) as api, api.client(Scope.SUBMIT) as client:
        files = [("files", (f"{n}.jpg", scene("sea", n, 640, 480))) for n in range(12)]
        assert '"key";r=2;' in client.post("/v1/jobs", files=files).headers["RateLimit"]


def test_zero_is_no_limit(home: Path, tmp_path: Path, serve: Callable[..., Any]) -> None:
    off = {"requests_per_minute": 0, "address_requests_per_minute": 0}
    with serve(settings_of(home, tmp_path, **off)) as api, api.client() as client:
        answer = client.get("/v1/me")
        assert answer.is_success and "RateLimit" not in answer.headers


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_a_redis_that_dies_or_hangs_is_never_an_error_nor_slow(broker: Any, how: signal.Signals) -> None:
    url, process = broker
    at = [0.0]

    async def story() -> None:
        pace = Pace(url, 5, 0, clock=lambda: at[0])
        assert (await pace.take("key", "a")).left == 4  # type: ignore[union-attr]
        process.send_signal(how)
        began = time.monotonic()
        standings = [await pace.take("key", "a") for _ in range(5)]
        assert [one.left for one in standings if one] == [4, 3, 2, 1, 0]
        with pytest.raises(TooManyRequests):
            await pace.take("key", "a")
        assert time.monotonic() - began < 1.5
        if how == signal.SIGSTOP:
            process.send_signal(signal.SIGCONT)
            at[0] = 11.0
            assert (await pace.take("key", "a")).left in (2, 3)  # type: ignore[union-attr]
        await pace.close()

    asyncio.run(story())


def test_a_network_of_one_customer_is_one_address() -> None:
    assert network_of("2001:db8:1:2::5") == network_of("2001:db8:1:2:ffff::1") != network_of("2001:db8:1:3::5")
    assert network_of("192.0.2.1") == "192.0.2.1" and network_of("unknown") == "unknown"


@pytest.mark.parametrize(
    ("allowed", "host", "status"),
    [
        ("", "localhost", 200), ("", "127.0.0.1:8000", 200), ("", "[::1]:8000", 200), ("", "evil.example", 421),
        ("", "", 421), ("", "api.example.org", 200), ("photos.example.org", "Photos.Example.org:443", 200),
        ("photos.example.org", "photos.example.org.evil.example", 421), ("*", "evil.example", 200),
    ],
)  # fmt: skip
def test_only_the_servers_own_names_are_served(
    home: Path, tmp_path: Path, serve: Callable[..., Any], allowed: str, host: str, status: int
) -> None:
    said = {"allowed_hosts": allowed, "public_url": "https://api.example.org"}
    with serve(settings_of(home, tmp_path, **said)) as api, api.client() as client:
        answer = client.get("/v1/me", headers={"Host": host})
        assert answer.status_code == status
        if status == 421:
            assert answer.json()["code"] == "wrong_host" and "SHOEBOX_ALLOWED_HOSTS" in answer.json()["detail"]
        assert client.get("/health/live", headers={"Host": host or "x"}).status_code == 200
