"""Signing in with a key and through OpenID Connect, each at a dashboard that demands it."""

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect
from ports import free_port
from site_under_test import ROOT, WIDE, Site, accessible, settled, shoebox

from client.client import Client

Scene = Callable[..., bytes]


@contextmanager
def running(command: list[str], url: str, path: str, environment: dict[str, str] | None = None) -> Iterator[str]:
    """A server of that command, from when it answers until the end of the block; gives its ``url``."""
    with subprocess.Popen(command, cwd=ROOT, env=environment) as process:
        try:
            for _ in range(300):
                with contextlib.suppress(httpx.TransportError):
                    httpx.get(f"{url}{path}")
                    break
                assert process.poll() is None
                time.sleep(0.1)
            yield url
        finally:
            process.terminate()


def another(site: Site, port: int, **more: str) -> AbstractContextManager[str]:
    """A dashboard beside the site's own, with settings of its own."""
    environment = site.environment | {"SHOEBOX_DASHBOARD_PORT": str(port), **more}
    return running([sys.executable, "-m", "dashboard"], f"http://localhost:{port}", "/_stcore/health", environment)


@contextmanager
def somebody(browser: Browser, url: str) -> Iterator[Page]:
    """A browser of somebody who was never here."""
    context = browser.new_context(viewport=WIDE, base_url=url)
    page = context.new_page()
    page.set_default_timeout(20_000)
    expect.set_options(timeout=20_000)
    # The provider's page would fetch its style from the network.
    page.route("https://**", lambda route: route.abort())
    page.goto("/")
    yield page
    context.close()


def test_a_key_is_asked_for_and_forgotten(browser: Browser, site: Site) -> None:
    made = shoebox(site.environment, "keys", "create", "phone", "--owner", "anna", "--scope", "read", "--json")
    assert made.returncode == 0, made.stderr
    key = next(word for word in made.stdout.replace('"', " ").split() if word.startswith("shoebox_"))
    with (
        another(site, free_port(), SHOEBOX_DASHBOARD_SIGN_IN="key") as url,
        somebody(browser, url) as page,
    ):
        field = page.get_by_label("Key", exact=True)
        expect(field).to_be_visible()
        accessible(page)
        field.press("Enter")
        expect(page.get_by_text("Please enter a key.")).to_be_visible()
        field.fill("shoebox_wrong")
        field.press("Enter")
        expect(page.get_by_text("This key is unknown or was revoked.")).to_be_visible()
        field.fill(key)
        field.press("Enter")
        settled(page, "Submit photos")
        expect(page.get_by_text("Your key lets you look at photos and not send any.")).to_be_visible()
        expect(page.get_by_text("Photos of anna")).to_be_visible()
        assert key not in page.content() and key not in page.url
        page.get_by_role("link", name="Jobs").click()
        expect(page.get_by_text("No jobs yet")).to_be_visible()
        page.get_by_role("button", name="Sign out").click()
        expect(field).to_be_visible()
        page.reload()
        expect(field).to_be_visible()


@pytest.fixture
def provider() -> Iterator[str]:
    """A provider of sign-ins that knows four people. The address of the third was never verified, and of the fourth's
    nobody says whether it was."""
    people = [
        {"sub": "1", "email": "Anna@example.org", "email_verified": True},
        {"sub": "2", "email": "ben@example.org", "email_verified": True},
        {"sub": "3", "email": "anna@example.org", "email_verified": False},
        {"sub": "4", "email": "anna@example.org"},
    ]
    port = free_port()
    known = [word for one in people for word in ("--user-claims", json.dumps(one))]
    command = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", str(port), *known]
    with running(command, f"http://localhost:{port}", "/.well-known/openid-configuration") as url:
        yield url


@pytest.fixture
def secrets(site: Site, provider: str) -> Iterator[int]:
    """The provider as the operator describes it; the port of the dashboard that it leads back to."""
    port = free_port()
    path = site.home / "secrets.toml"
    path.write_text(
        f"""[auth]
redirect_uri = "http://localhost:{port}/oauth2callback"
cookie_secret = "a-long-random-text-of-this-test-only"
client_id = "shoebox"
client_secret = "of-this-test-only"
server_metadata_url = "{provider}/.well-known/openid-configuration"
"""
    )
    yield port
    path.unlink()


def test_two_people_who_sign_in_elsewhere_see_their_own_jobs_alone(
    browser: Browser, site: Site, secrets: int, scene: Scene, tmp_path: Path
) -> None:
    (tmp_path / "annas.jpg").write_bytes(scene("sea", 9000))
    with Client(site.api, (site.home / "key").read_text().strip(), act_for="anna@example.org") as anna:
        anna.submit(tmp_path / "annas.jpg").wait(timeout=60)
    with another(site, secrets, SHOEBOX_DASHBOARD_SIGN_IN="oidc") as url:
        for person, owner, jobs in (("1", "anna@example.org", 1), ("2", "ben@example.org", 0), ("4", "oidc-", 0)):
            with somebody(browser, url) as page:
                enter(page, person)
                settled(page, "Submit photos")
                expect(page.get_by_text(f"Photos of {owner}")).to_be_visible()
                expect(page.get_by_text("admin")).to_have_count(0)
                page.get_by_role("link", name="Jobs").click()
                settled(page, "Jobs")
                expect(page.get_by_text("No jobs yet")).to_have_count(1 - jobs)
                page.get_by_role("button", name="Sign out").click()
                page.get_by_role("button", name="End session").click()
                expect(page.get_by_role("button", name="Sign in")).to_be_visible()
        with somebody(browser, url) as page:
            enter(page, "3")
            expect(page.get_by_text("Your e-mail address is not verified")).to_be_visible()
            expect(page.get_by_role("link", name="Jobs")).to_have_count(0)
            expect(page.get_by_role("button", name="Sign out")).to_be_visible()


def enter(page: Page, person: str) -> None:
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name=person, exact=True).click()
