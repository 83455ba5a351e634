"""The history, narrowed by choices that stand in its address."""

import csv
import re
from pathlib import Path

from dashboard_pages import figure, fits_a_phone, photos
from playwright.sync_api import Page, expect
from site_under_test import Site, accessible, settled

PAGE = 48


def test_choices_stand_in_the_address_and_survive_a_reload(page: Page, site: Site) -> None:
    page.goto("/history")
    settled(page, "History")
    accessible(page)
    page.get_by_test_id("stButtonGroup").get_by_text("rejected", exact=True).click()
    expect(page).to_have_url(re.compile(r"decision=rejected$"))
    rejected = list(site.client.history(decision="rejected"))
    expect(page.get_by_text(f"{len(rejected)} photos", exact=True)).to_be_visible()
    expect(photos(page)).to_have_count(min(PAGE, len(rejected)))
    page.get_by_role("textbox", name="Name begins with").fill("garden/")
    page.get_by_role("textbox", name="Name begins with").press("Enter")
    expect(page).to_have_url(re.compile(r"decision=rejected&name=garden%2F$"))
    wanted = [item.id for item in site.client.history(decision="rejected", name="garden/")]
    assert wanted
    expect(photos(page)).to_have_count(min(PAGE, len(wanted)))
    page.reload()
    settled(page, "History")
    expect(page.get_by_role("textbox", name="Name begins with")).to_have_value("garden/")
    expect(photos(page)).to_have_count(min(PAGE, len(wanted)))
    shown = photos(page).evaluate_all("options => options.map(option => option.dataset.id)")
    assert shown == wanted[:PAGE]


def test_an_address_that_makes_no_sense_shows_everything(page: Page, site: Site) -> None:
    page.goto("/history?decision=eaten&from=yesterday&reviewed=maybe&colour=blue")
    settled(page, "History")
    expect(page).to_have_url(re.compile(r"/history$"))
    total = site.client.stats()["total"]
    expect(page.get_by_text(f"{total} photos", exact=True)).to_be_visible()


def test_a_photo_leads_to_its_job(page: Page, site: Site) -> None:
    item = next(item for item in site.client.items(site.job) if item.decision == "accepted")
    page.goto(f"/history?name={item.name}")
    settled(page, "History")
    page.locator(f"[data-id='{item.id}']").click()
    page.get_by_role("dialog").get_by_role("button", name="Open its job").click()
    settled(page, "album.zip")
    expect(page).to_have_url(re.compile(f"/job\\?id={site.job}$"))


def test_the_selection_comes_home_as_a_table(page: Page, site: Site) -> None:
    page.goto("/history?label=sea")
    settled(page, "History")
    page.get_by_role("button", name="Export").click()
    with page.expect_download() as download:
        page.get_by_role("dialog").get_by_role("button", name="Download").click()
    with Path(download.value.path()).open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == [item.id for item in site.client.history(label="sea")]
    assert rows


def test_nothing_that_fits_is_said_and_taken_back(page: Page, site: Site) -> None:
    page.goto("/history?name=nowhere/")
    settled(page, "History")
    expect(page.get_by_text("No photo fits these choices.")).to_be_visible()
    expect(figure(page, "photos")).to_have_count(0)
    page.get_by_role("button", name="Show all photos").click()
    expect(photos(page).first).to_be_visible()
    expect(page).to_have_url(re.compile(r"/history$"))


def test_it_fits_a_phone(page: Page, site: Site) -> None:
    fits_a_phone(page, "/history", "History")
