"""Jobs and a job's photos, seen, opened and reviewed in a real browser."""

import io
import re
import time
import zipfile
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect
from running import wait_until
from site_under_test import PHONE, Site, accessible, settled

from client.job import Job
from client.upload import of_path
from dashboard.page.jobs import PAUSE

Scene = Callable[..., bytes]


@pytest.fixture
def job(site: Site, scene: Scene, tmp_path: Path) -> str:
    """A finished job of its own: six seas, two orchids."""
    path = tmp_path / "beach.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for n in range(6):
            archive.writestr(f"beach/{n}.jpg", scene("sea", 4000 + n))
        for n in range(2):
            archive.writestr(f"garden/{n}.jpg", scene("orchid", 7000 + n))
    made = site.client.submit([of_path(path)])
    made.wait(timeout=60)
    return made.id


def photos(page: Page, name: str | None = None) -> Locator:
    found = page.get_by_role("listbox", name="Photos")
    return found.get_by_role("option") if name is None else found.get_by_role("option", name=name)


def test_the_list_shows_the_job_and_leads_to_it(page: Page, site: Site) -> None:
    page.goto("/jobs")
    settled(page, "Jobs")
    expect(page.get_by_text("Nothing is running.")).to_be_visible()
    accessible(page)
    # The table is drawn on a canvas; its first row's box is in the first column.
    table = page.get_by_test_id("stDataFrame")
    rows = [row.id for row in site.client.jobs()]
    table.click(position={"x": 20, "y": 35 + 40 * rows.index(site.job) + 20})
    page.get_by_role("button", name="Open").click()
    settled(page, "album.zip")
    assert page.url.endswith(f"/job?id={site.job}")


def test_a_job_shows_its_counts_and_its_photos(page: Page, site: Site) -> None:
    counts = site.client.job(site.job).view.counts
    page.goto(f"/job?id={site.job}")
    settled(page, "album.zip")
    bar = page.get_by_role("img", name=f"{counts.total} photos: {counts.accepted} accepted, {counts.rejected} rejected")
    expect(bar).to_be_visible()
    expect(photos(page)).to_have_count(counts.total or 0)
    accessible(page)
    page.get_by_role("radio", name="rejected").or_(page.get_by_role("button", name="rejected")).first.click()
    expect(photos(page)).to_have_count(counts.rejected)
    page.get_by_role("combobox", name="Reason").click()
    page.get_by_test_id("stSelectboxVirtualDropdown").get_by_text("an empty file").click()
    expect(photos(page)).to_have_count(1)


def test_a_photo_opened_says_why(page: Page, site: Site) -> None:
    page.goto(f"/job?id={site.job}")
    settled(page, "album.zip")
    first = next(item for item in site.client.items(site.job) if item.decision == "accepted")
    photos(page, first.name).click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text(first.explanation)).to_be_visible()
    expect(dialog.get_by_role("img").first).to_be_visible()
    expect(dialog.get_by_test_id("stDataFrame")).to_be_visible()
    accessible(page)


def test_photos_are_reviewed_with_one_key_each(page: Page, site: Site, job: str) -> None:
    items = list(site.client.items(job))
    page.goto(f"/job?id={job}")
    settled(page, "beach.zip")
    photos(page, items[0].name).focus()
    page.keyboard.press("y")
    expect(photos(page, f"{items[0].name}, sea")).to_contain_text("confirmed")
    page.keyboard.press("1")
    labels = site.client.model("tiny")["labels"]
    expect(photos(page, items[1].name)).to_contain_text(f"is {labels[0]}")
    page.keyboard.press("n")
    expect(photos(page, items[2].name)).to_contain_text("none of these")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("u")
    expect(photos(page, items[2].name)).not_to_contain_text("none of these")
    wanted = [("sea", True), (labels[0], False), None, None]
    until = time.monotonic() + 20  # the page shows it before it is kept
    while (said := _said(site, job)[:4]) != wanted and time.monotonic() < until:
        page.wait_for_timeout(100)
    assert said == wanted
    settled(page, "beach.zip")  # drawn anew since, with what was kept
    page.keyboard.press("y")
    expect(photos(page, items[3].name)).to_contain_text("confirmed")


def _said(site: Site, job: str) -> list[tuple[str | None, bool] | None]:
    return [item.review and (item.review.label, item.review.correct) for item in site.client.items(job)]


def test_many_are_reviewed_at_once(page: Page, site: Site, job: str) -> None:
    page.goto(f"/job?id={job}")
    settled(page, "beach.zip")
    page.get_by_role("radio", name="rejected").or_(page.get_by_role("button", name="rejected")).first.click()
    expect(photos(page)).to_have_count(2)
    page.get_by_role("button", name="Select all").click()
    expect(page.get_by_text("2 selected")).to_be_visible()
    page.get_by_role("button", name="None of these").click()
    expect(page.get_by_text("2 photos reviewed")).to_be_visible()
    reviewed = {item.name: item.review for item in site.client.items(job, reviewed=True)}
    assert {name.split("/")[0] for name in reviewed} == {"garden"} and len(reviewed) == 2
    assert all(review and review.correct and review.label is None for review in reviewed.values())


def test_a_review_that_is_refused_is_not_shown_as_made_and_holds_up_no_other(page: Page, site: Site, job: str) -> None:
    again = site.client.rerun(job, "scenes")
    again.wait(timeout=60)
    (label,) = (one for one in site.client.model("scenes")["labels"] if one == "glacier")
    assert label not in site.client.model("tiny")["labels"]
    page.goto(f"/history?name=beach/0&from={date.today() - timedelta(days=1)}")
    settled(page, "History")
    both = [page.locator(f"[data-id='{one}-0']") for one in (job, again.id)]
    for one in both:
        one.click(modifiers=["Control"])
    page.get_by_role("combobox", name="The right label").select_option(label)
    told = page.get_by_test_id("stToast").filter(has_text="1 photo not reviewed. The model tiny has no label")
    expect(told).to_be_visible()
    expect(both[1]).to_contain_text(f"is {label}")
    expect(both[0]).not_to_contain_text(f"is {label}")
    both[0].focus()
    page.keyboard.press("n")
    expect(both[0]).to_contain_text("none of these")

    def reviewed() -> bool:
        found = [site.client.item(f"{one}-0").review for one in (job, again.id)]
        return all(found) and [review and review.label for review in found] == [None, label]

    wait_until(reviewed, 20)  # the page shows a review before the server has it


def test_a_chosen_job_stays_chosen_when_others_come(page: Page, site: Site, scene: Scene, tmp_path: Path) -> None:
    def send(name: str, count: int) -> Job:
        path = tmp_path / name
        with zipfile.ZipFile(path, "w") as archive:
            for n in range(count):
                archive.writestr(f"{n}.jpg", photo)
        return site.client.submit([of_path(path)])

    photo = scene("forest", 71, 640, 480)
    long = send("long.zip", 4000)  # while it runs the list is looked at again and again
    page.goto("/jobs")
    expect(page.get_by_text("1 job running", exact=False)).to_be_visible()
    page.get_by_test_id("stDataFrame").click(position={"x": 20, "y": 35 + 20})
    chosen = page.get_by_role("heading", level=3)
    expect(chosen).to_have_text("long.zip")
    others = [send(f"other {n}.zip", 1) for n in range(2)]
    expect(page.get_by_text(re.compile("[23] jobs running")).or_(page.get_by_text("1 job running"))).to_be_visible()
    for other in others:
        other.wait(timeout=60)
    page.wait_for_timeout(2 * 1000 * PAUSE)
    expect(chosen).to_have_text("long.zip")
    page.get_by_role("button", name="Cancel").click()
    assert long.wait(timeout=60).state == "canceled"
    expect(page.get_by_text("Nothing is running.")).to_be_visible()
    expect(chosen).to_have_text("long.zip")
    page.get_by_role("button", name="Open").click()
    page.wait_for_url(re.compile(f"/job\\?id={long.id}$"))


def test_results_come_home_as_a_workbook(page: Page, site: Site) -> None:
    page.goto(f"/job?id={site.job}")
    settled(page, "album.zip")
    page.get_by_role("button", name="Download").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("radio", name="Excel workbook")).to_be_checked()
    with page.expect_download() as download:
        dialog.get_by_role("button", name="Download").click()
    data = Path(download.value.path()).read_bytes()
    assert download.value.suggested_filename == f"{site.job}.xlsx"
    assert "xl/workbook.xml" in zipfile.ZipFile(io.BytesIO(data)).namelist()


def test_an_unknown_job_is_said_in_words(page: Page, site: Site) -> None:
    page.goto("/job?id=01JZ8Q4T9M6W3V5X7Y2A1B0C4D")
    expect(page.get_by_text("There is no such job.")).to_be_visible()
    expect(page.get_by_text("Request ")).to_be_visible()
    expect(page.get_by_text("Traceback")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone(page: Page, site: Site, scheme: str) -> None:
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    for address, heading in (("/jobs", "Jobs"), (f"/job?id={site.job}", "album.zip")):
        page.goto(address)
        settled(page, heading)
        wide = page.evaluate("document.scrollingElement.scrollWidth")
        assert wide <= PHONE["width"]
        accessible(page)
