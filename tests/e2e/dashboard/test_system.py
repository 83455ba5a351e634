"""Health, set-up and keys, against the API."""

import httpx
from dashboard_pages import figure, fits_a_phone
from playwright.sync_api import Page, expect
from site_under_test import Site, accessible, settled

from client.client import Client


def test_it_says_how_each_part_is(page: Page, site: Site) -> None:
    page.goto("/system")
    settled(page, "System")
    for name, part in site.client.health()["parts"].items():
        # How much is free changes from one look to the next.
        if name != "blobs":
            expect(page.get_by_text(part["detail"]).first).to_be_visible()
    found = site.client.system()
    expect(figure(page, "version")).to_have_text(found["version"])
    expect(figure(page, "uploads kept")).to_have_text(f"{found['uploads']['count']:,}")
    accessible(page)


def test_a_key_is_made_shown_once_used_and_revoked(page: Page, site: Site) -> None:
    page.goto("/system")
    settled(page, "System")
    page.get_by_role("button", name="Make a key").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Make it").click()
    expect(dialog.get_by_text("Please say what the key is for.")).to_be_visible()
    dialog.get_by_role("textbox", name="What it is for").fill("a phone")
    dialog.get_by_role("textbox", name="Whose photos it sees").fill("anna")
    accessible(page)
    dialog.get_by_role("button", name="Make it").click()
    expect(dialog.get_by_text("It is shown this once")).to_be_visible()
    secret = dialog.get_by_test_id("stCode").inner_text().strip()
    with Client(site.api, secret) as client:
        assert client.me() == {"owner": "anna", "scopes": ["read", "submit"]}
    dialog.get_by_role("button", name="Done").click()
    expect(dialog).to_have_count(0)
    settled(page, "System")
    assert secret not in page.content()
    page.reload()
    settled(page, "System")
    assert secret not in page.content() and secret not in page.url

    found = site.client.keys()
    alive = [key["name"] for key in found if key["revoked_at"] is None]
    row = alive.index("a phone")
    page.get_by_test_id("stDataFrame").last.click(position={"x": 20, "y": 35 * (row + 1) + 17})
    page.get_by_role("button", name="Revoke a phone").click()
    page.get_by_role("dialog").get_by_role("button", name="Keep it").click()
    assert httpx.get(f"{site.api}/v1/me", headers={"X-API-Key": secret}).status_code == 200
    page.get_by_role("button", name="Revoke a phone").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke", exact=True).click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("button", name="Revoke a phone")).to_have_count(0)
    assert httpx.get(f"{site.api}/v1/me", headers={"X-API-Key": secret}).status_code == 401


def test_it_fits_a_phone(page: Page, site: Site) -> None:
    fits_a_phone(page, "/system", "System")
