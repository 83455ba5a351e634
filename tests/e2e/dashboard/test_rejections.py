"""Why photos were not tagged, and what other lines would change, against the API's own numbers."""

import re
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from dashboard_pages import figure, fits_a_phone, photos
from playwright.sync_api import Page, expect
from site_under_test import Site, accessible, settled

from client.upload import of_path


def test_figures_are_those_of_the_statistics(page: Page, site: Site) -> None:
    rows = {row["decision"]: row["count"] for row in site.client.stats("decision")["data"]}
    page.goto("/rejections")
    settled(page, "Rejections")
    expect(figure(page, "photos judged")).to_have_text(f"{sum(rows.values()):,}")
    expect(figure(page, "rejected")).to_have_text(f"{rows['rejected']:,}")
    expect(page.get_by_test_id("stVegaLiteChart")).to_have_count(3)
    accessible(page)


def test_a_reason_leads_to_all_its_photos(page: Page, site: Site) -> None:
    counts = {row["reason"]: row["count"] for row in site.client.stats("reason")["data"]}
    page.goto("/rejections")
    settled(page, "Rejections")
    told = page.get_by_text(f"Unlike anything the model knows · {counts['out_of_distribution']} photos")
    expect(told).to_be_visible()
    page.locator(".st-key-all_out_of_distribution").get_by_role("button").click()
    settled(page, "History")
    expect(page).to_have_url(re.compile(r"reason=out_of_distribution"))
    expect(photos(page)).to_have_count(min(48, counts["out_of_distribution"]))


@pytest.fixture
def unsure(site: Site, scene: Callable[..., bytes], tmp_path: Path) -> None:
    """A job that asked for more confidence than there is, so that the usual line would have tagged its photos."""
    path = tmp_path / "unsure.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for n in range(3):
            archive.writestr(f"unsure/{n}.jpg", scene("sea", 9300 + n))
    job = site.client.submit([of_path(path)], min_confidence=1.0)
    assert job.wait(timeout=60).counts.rejected == 3


def test_another_line_changes_what_the_scores_say(page: Page, site: Site, unsure: None) -> None:
    confidence, novelty = (site.client.scores(guard, model="tiny", limit=5000) for guard in ("confidence", "novelty"))
    sure, familiar = (Counter(one["thresholds"]).most_common(1)[0][0] for one in (confidence, novelty))
    strange = dict(zip(novelty["items"], novelty["values"], strict=True))
    judged = list(zip(confidence["items"], confidence["values"], confidence["decisions"], strict=True))
    tagged = {item for item, _, decision in judged if decision == "accepted"}

    def told(least: float, most: float) -> None:
        """Asserts that the page counts as we do, with lines there."""
        would = {item for item, value, _ in judged if value >= least and strange[item] <= most}
        expect(figure(page, "tagged now")).to_have_text(f"{len(tagged):,}")
        expect(figure(page, "with these lines")).to_have_text(f"{len(would):,}")
        expect(figure(page, "would gain tags")).to_have_text(f"{len(would - tagged):,}")
        expect(figure(page, "would lose tags")).to_have_text(f"{len(tagged - would):,}")
        for text, ids in (("Would be tagged", would - tagged), ("Would not be tagged any more", tagged - would)):
            expect(page.get_by_text(text, exact=True)).to_have_count(1 if ids else 0)

    page.goto("/rejections")
    settled(page, "Rejections")
    told(sure, familiar)
    least, most = (page.get_by_role("slider", name=name) for name in ("Least confidence", "Most novelty"))
    least.press("End")
    told(1.0, familiar)
    least.press("Home")
    told(0.0, familiar)
    most.press("Home")
    expect(page.get_by_text("Would not be tagged any more", exact=True)).to_be_visible()
    told(0.0, float(most.get_attribute("aria-valuetext") or "nan"))


def test_it_fits_a_phone(page: Page, site: Site) -> None:
    fits_a_phone(page, "/rejections", "Rejections")
