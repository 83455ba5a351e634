"""A job that runs: followed to its end without a reload, stopped, and run again with another model."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from site_under_test import Site, settled

from client.job import Job
from client.upload import of_path

Scene = Callable[..., bytes]
Long = Callable[[int], Job]


@pytest.fixture
def send(site: Site, scene: Scene, tmp_path: Path) -> Long:
    """``send(count)``: a job of so many copies of one photo."""

    def sent(count: int) -> Job:
        path = tmp_path / f"long {count}.zip"
        photo = scene("forest", count, 640, 480)
        with zipfile.ZipFile(path, "w") as archive:
            for n in range(count):
                archive.writestr(f"{n}.jpg", photo)
        return site.client.submit([of_path(path)])

    return sent


def test_a_running_job_is_followed_to_its_end(page: Page, site: Site, send: Long) -> None:
    page.goto("/jobs")
    settled(page, "Jobs")
    job = send(1200)
    page.goto(f"/job?id={job.id}")
    expect(page.get_by_role("heading", name="long 1200.zip")).to_be_visible()
    expect(page.get_by_role("button", name="Cancel")).to_be_visible()
    expect(page.get_by_text("running").first).to_be_visible()
    expect(page.get_by_text("finished", exact=False).first).to_be_visible(timeout=60_000)
    expect(page.get_by_role("img", name="1,200 photos: 1,200 ")).to_be_visible()
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0)
    expect(page.get_by_text("photos 1 to 48")).to_be_visible()
    page.get_by_role("button", name="After", exact=False).click()
    expect(page.get_by_text("photos 49 to 96")).to_be_visible()


def test_the_list_follows_too_and_rests_when_nothing_runs(page: Page, site: Site, send: Long) -> None:
    job = send(900)
    page.goto("/jobs")
    expect(page.get_by_text("1 job running", exact=False)).to_be_visible()
    job.wait(timeout=60)
    expect(page.get_by_text("Nothing is running.")).to_be_visible()
    settled(page, "Jobs")
    page.wait_for_timeout(2_000)  # the table paints a little later
    before = page.content()
    page.wait_for_timeout(5_000)
    assert page.content() == before, "nothing runs, and yet the page changes"


def test_cancel_stops_it(page: Page, site: Site, send: Long) -> None:
    job = send(4000)
    page.goto(f"/job?id={job.id}")
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("canceled", exact=False).first).to_be_visible(timeout=30_000)
    end = job.wait(timeout=30)
    assert end.state == "canceled" and end.counts.canceled > 0


def test_run_again_with_another_model(page: Page, site: Site) -> None:
    page.goto(f"/job?id={site.job}")
    settled(page, "album.zip")
    page.get_by_role("button", name="Run again with another model").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("combobox", name="Model").click()
    page.get_by_test_id("stSelectboxVirtualDropdown").get_by_text("fashion").click()
    expect(dialog.get_by_text("ten kinds of clothes")).to_be_visible()
    dialog.get_by_role("button", name="Run", exact=False).last.click()
    expect(page.get_by_text("judged by fashion 1", exact=False)).to_be_visible(timeout=60_000)
    assert site.job not in page.url
    newest = next(iter(site.client.jobs()))
    assert (newest.model, newest.counts.total) == ("fashion", site.client.job(site.job).view.counts.total)
