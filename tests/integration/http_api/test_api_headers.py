"""What every answer carries, what goes wrong in words, and the page of the interface in a browser without a net."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from find_browser import find
from playwright.sync_api import sync_playwright
from sqlalchemy import update

from api.quiet import Quiet
from db.schema import Job
from settings import Settings

Make = Callable[..., bytes]
PAGES = ("/", "/v1/me", "/v1/jobs", "/nowhere", "/docs", "/docs/start.js", "/openapi.json", "/health/live", "/metrics")


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("method", ["GET", "POST", "BREW"])
def test_every_answer_has_the_headers_that_keep_browsers_in_line(api: Any, path: str, method: str) -> None:
    answer = httpx.request(method, api.url + path)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["X-Request-ID"]
    assert "Server" not in answer.headers and "Strict-Transport-Security" not in answer.headers
    assert not [name for name in answer.headers if name.startswith("access-control")]
    if path.startswith("/v1"):
        assert answer.headers["Cache-Control"] == "no-store"
    if answer.status_code >= 400:
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["request_id"] == answer.headers["X-Request-ID"]


def test_behind_tls_browsers_are_told_to_stay_there(api: Any) -> None:
    answer = httpx.get(f"{api.url}/v1/me", headers={"X-Forwarded-Proto": "https"})
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"


def test_a_proxy_that_is_not_trusted_is_not_believed(home: Path, tmp_path: Path, serve: Callable[..., Any]) -> None:
    rows = f"sqlite:///{tmp_path / 'rows.db'}"
    settings = Settings(_env_file=None, data_dir=home, database_url=rows, model="tiny", trusted_proxies="192.0.2.1")
    with serve(settings) as api:
        answer = httpx.get(f"{api.url}/v1/me", headers={"X-Forwarded-Proto": "https"})
        assert "Strict-Transport-Security" not in answer.headers


def test_a_bug_is_told_by_its_id_and_its_trace_stands_in_the_log_alone(
    api: Any, client: httpx.Client, scene: Make, caplog: pytest.LogCaptureFixture
) -> None:
    job = client.post("/v1/jobs", content=scene("sea"), headers={"Content-Type": "image/jpeg"}).json()["id"]
    with api.database.write() as session:
        session.execute(update(Job).where(Job.id == job).values(params={"top_k": "secret thing"}))
    with caplog.at_level(logging.ERROR):
        answer = client.get(f"/v1/jobs/{job}")
    with api.database.write() as session:
        session.execute(update(Job).where(Job.id == job).values(params={}))
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "secret" not in answer.text and "Traceback" not in answer.text and "pydantic" not in answer.text
    assert answer.json()["request_id"] == answer.headers["X-Request-ID"]
    assert answer.json()["request_id"] in caplog.text and "ValidationError" in caplog.text


@pytest.fixture(scope="module")
def seen(api: Any) -> Iterator[dict[str, Any]]:
    """What a browser shows and asks for when it opens the page, with no way to anywhere but this API."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find(), args=["--no-sandbox"])
        page = browser.new_page()
        asked: list[str] = []
        problems: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(f"{api.url}/docs")
        page.get_by_text("Send photos and ZIPs").first.wait_for(timeout=30_000)
        yield {"asked": asked, "problems": problems, "text": page.inner_text("body")}
        browser.close()


def test_the_page_of_the_interface_works_without_a_net(api: Any, seen: dict[str, Any]) -> None:
    assert "/v1/jobs/{job_id}" in seen["text"] and "Unable to render" not in seen["text"]
    assert [url for url in seen["asked"] if not url.startswith((api.url, "data:", "blob:"))] == []
    assert seen["problems"] == []


def test_lines_that_anybody_can_cause_are_counted_beyond_so_many() -> None:
    at, lines = [0.0], []
    quiet = Quiet(3, lambda: at[0])
    for moment in (0, 1, 2, 3, 59, 61, 62):
        at[0] = moment
        quiet.say(lambda event, **values: lines.append((at[0], values)), "sign_in_failed", address="x")
    assert lines == [
        (0, {"address": "x"}), (1, {"address": "x"}), (2, {"address": "x"}), (61, {"address": "x", "left_out": 2}),
        (62, {"address": "x"}),
    ]  # fmt: skip
