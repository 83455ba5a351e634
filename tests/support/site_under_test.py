"""A running Shoebox with its dashboard, and what browser tests ask of a page."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, TimeoutError, expect

from client.client import Client

ROOT = Path(__file__).parents[2]
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
WIDE, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}


@dataclass(frozen=True)
class Site:
    """A running Shoebox: the dashboard's address, the API's, and an admin's client."""

    url: str
    api: str
    home: Path
    client: Client
    job: str
    environment: dict[str, str]


def shoebox(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    code = "from cli.main import run; run()"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=200
    )


def settled(page: Page, heading: str) -> None:
    """Waits until the page with that heading is there and Streamlit has nothing more to do."""
    expect(page.get_by_role("heading", name=heading, level=1)).to_be_visible()
    expect(page.locator("[data-testid=stApp][data-test-script-state=notRunning]")).to_be_attached()


def until_shown(act: Callable[[], object], sign: Locator, tries: int = 5) -> None:
    """Does what a person does and does again where the page, still drawing on a busy machine, took no notice.

    ``act`` may be done twice without harm and waits for nothing long; ``sign`` is what shows that it was heeded.
    """
    for _ in range(tries - 1):
        try:
            act()
            sign.wait_for(state="attached", timeout=3000)
        except TimeoutError:
            continue
        return
    act()
    expect(sign).to_be_attached()


def accessible(page: Page) -> None:
    """Asserts that axe finds nothing that breaks WCAG A or AA in what we made or chose."""
    found = Axe().run(
        page,
        options={"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}},
    )
    violations = [
        (one["id"], one["help"], [node["html"][:200] for node in one["nodes"]]) for one in found.response["violations"]
    ]
    assert not violations, violations
