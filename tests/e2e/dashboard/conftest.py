"""A real stack with its dashboard, photos in it, and a real browser before it."""

import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from find_browser import find
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright
from ports import free_port
from site_under_test import ARGUMENTS, WIDE, Site, shoebox

from client.client import Client
from client.upload import of_path
from model.bundle import Bundle

Scene = Callable[..., bytes]


@pytest.fixture(scope="session")
def album(scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ZIP of 30 drawn scenes that the tiny model knows, six orchids that it does not, and two broken files."""
    path = tmp_path_factory.mktemp("album") / "album.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for n in range(30):
            kind = ("sunset", "forest", "sea")[n % 3]
            archive.writestr(f"{kind}/{n:02}.jpg", scene(kind, 4000 + n))
        for n in range(6):
            archive.writestr(f"garden/{n}.jpg", scene("orchid", 5000 + n))
        archive.writestr("broken/empty.jpg", b"")
        archive.writestr("broken/text.jpg", b"this is no picture at all")
    return path


@pytest.fixture(scope="session")
def site(tiny_bundle: Bundle, album: Path) -> Iterator[Site]:
    """`shoebox up` on a data directory of its own, with one finished job."""
    home = Path(tempfile.mkdtemp(prefix="sb-"))
    shutil.copytree(tiny_bundle.path, home / "models" / tiny_bundle.name)
    port, pages = free_port(), free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SHOEBOX_")} | {
        "SHOEBOX_DATA_DIR": str(home),
        "SHOEBOX_PORT": str(port),
        "SHOEBOX_DASHBOARD_PORT": str(pages),
        "SHOEBOX_MODEL": "tiny",
    }
    try:
        started = shoebox(environment, "up", "--json")
        assert started.returncode == 0, started.stderr
        found = json.loads(started.stdout)
        with Client(found["url"], (home / "key").read_text().strip()) as client:
            job = client.submit([of_path(album)])
            job.wait(timeout=60)
            yield Site(found["dashboard"], found["url"], home, client, job.id, environment)
    finally:
        shoebox(environment, "down")
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, headless. `make test` installs it where it is missing.

    For a module: while it is open, an event loop runs in this thread, and other tests want one of their own.
    """
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=find(), args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Browser, site: Site) -> Iterator[Page]:
    """A page of 1440 pixels that has not gone anywhere yet; what its console complains of fails the test."""
    context = browser.new_context(viewport=WIDE, base_url=site.url)
    opened = context.new_page()
    opened.set_default_timeout(20_000)
    expect.set_options(timeout=20_000)
    complaints: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        # Streamlit looks for its own address below the page's first.
        if message.type == "error" and "/_stcore/" not in (message.location or {}).get("url", ""):
            complaints.append(message.text)

    opened.on("console", hear)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    yield opened
    context.close()
    assert not complaints
