"""An upload from a page of another origin, in a real browser: it keeps to the rules that it is told."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from find_browser import find
from playwright.sync_api import Browser, Page, sync_playwright

from db.store.keys import Scope
from settings import Settings

SEND = """async ([url, bytes]) => new Promise(done => {
  const request = new XMLHttpRequest()
  request.open('POST', url)
  request.setRequestHeader('Content-Type', 'image/jpeg')
  request.setRequestHeader('Idempotency-Key', 'from the page')
  request.onload = () => done({
    status: request.status,
    said: JSON.parse(request.responseText),
    location: request.getResponseHeader('Location'),
    id: request.getResponseHeader('X-Request-ID'),
  })
  request.onerror = () => done({status: 0})
  request.send(new Blob([new Uint8Array(bytes)]))
})"""
FETCH = "async ([url, method]) => fetch(url, {method}).then(answer => answer.status, () => 0)"


class Empty(BaseHTTPRequestHandler):
    """A page with nothing on it."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Tests are quiet."""


@pytest.fixture(scope="module")
def origins() -> Iterator[list[str]]:
    """Two sites with an empty page each."""
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), Empty) for _ in range(2)]
    for server in servers:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
    yield [f"http://127.0.0.1:{server.server_address[1]}" for server in servers]
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def api(serve: Any, home: Path, origins: list[str]) -> Iterator[Any]:
    """An API whose dashboard is the first of the sites."""
    settings = Settings(
        _env_file=None,
        data_dir=home,
        model="tiny",
        max_upload_bytes=2**20,
        min_free_bytes=1,
        dashboard_origins=origins[0],
    )
    with serve(settings) as served:
        yield served


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, headless."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=find(), args=["--no-sandbox", "--disable-gpu"])
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Browser, origins: list[str]) -> Iterator[Page]:
    """The dashboard's page."""
    opened = browser.new_page()
    opened.goto(origins[0])
    yield opened
    opened.close()


def ticket_of(api: Any) -> str:
    with api.client(Scope.SUBMIT) as client:
        return api.url + str(client.post("/v1/uploads").json()["url"])


def test_the_dashboards_page_sends_a_photo_and_learns_of_its_job(api: Any, page: Page) -> None:
    answer = page.evaluate(SEND, [ticket_of(api), 5000])
    assert answer["status"] == 202 and answer["location"] == f"/v1/jobs/{answer['said']['id']}" and answer["id"]


@pytest.mark.parametrize(
    ("ticket", "size", "status", "code"), [(False, 5000, 401, "wrong_ticket"), (True, 2**22, 413, "too_large")]
)
def test_it_can_say_why_it_was_refused(api: Any, page: Page, ticket: bool, size: int, status: int, code: str) -> None:
    answer = page.evaluate(SEND, [ticket_of(api) if ticket else f"{api.url}/v1/jobs?ticket=wrong", size])
    assert (answer["status"], answer["said"]["code"], answer["said"]["request_id"]) == (status, code, answer["id"])


def test_nothing_else_is_open_to_it_nor_anything_to_others(api: Any, page: Page, origins: list[str]) -> None:
    assert page.evaluate(FETCH, [f"{api.url}/v1/jobs", "GET"]) == 0
    assert page.evaluate(FETCH, [f"{api.url}/v1/uploads", "POST"]) == 0
    assert page.evaluate(FETCH, [f"{api.url}/health/ready", "GET"]) == 0
    page.goto(origins[1])
    assert page.evaluate(SEND, [ticket_of(api), 5000]) == {"status": 0}
