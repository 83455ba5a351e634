"""Jobs and a job's photos, seen, opened and reviewed in a real browser."""

from playwright.sync_api import Page, expect
from site_under_test import Site, accessible, settled


def test_the_list_shows_the_job_and_leads_to_it(page: Page, site: Site) -> None:
    page.goto("/jobs")
    settled(page, "Jobs")
    expect(page.get_by_text("Nothing is running.")).to_be_visible()
    accessible(page)
