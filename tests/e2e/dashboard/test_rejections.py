"""Why photos were not tagged, and what other lines would change, against the API's own numbers."""

import re
from collections import Counter

from dashboard_pages import figure, fits_a_phone, photos
from playwright.sync_api import Page, expect
from site_under_test import Site, accessible, settled


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


def test_another_line_changes_what_the_scores_say(page: Page, site: Site) -> None:
    confidence, novelty = (site.client.scores(guard, model="tiny", limit=5000) for guard in ("confidence", "novelty"))
    line = Counter(novelty["thresholds"]).most_common(1)[0][0]
    strange = dict(zip(novelty["items"], novelty["values"], strict=True))
    judged = list(zip(confidence["items"], confidence["values"], confidence["decisions"], strict=True))
    tagged = {item for item, _, decision in judged if decision == "accepted"}
    page.goto("/rejections")
    settled(page, "Rejections")
    expect(figure(page, "tagged now")).to_have_text(f"{len(tagged):,}")
    page.get_by_role("slider", name="Least confidence").press("End")
    sure = {item for item, value, _ in judged if value >= 1.0 and strange[item] <= line}
    expect(figure(page, "with these lines")).to_have_text(f"{len(sure):,}")
    expect(figure(page, "would lose tags")).to_have_text(f"{len(tagged - sure):,}")
    expect(page.get_by_text("Would not be tagged any more")).to_be_visible()
    page.get_by_role("slider", name="Least confidence").press("Home")
    strangest = page.get_by_role("slider", name="Most novelty")
    strangest.press("End")
    expect(page.get_by_text("Would be tagged", exact=True)).to_be_visible()
    most = float(strangest.get_attribute("aria-valuetext") or "nan")
    would = {item for item, _, _ in judged if strange[item] <= most}
    assert most > line and would - tagged
    expect(figure(page, "with these lines")).to_have_text(f"{len(would):,}")
    expect(figure(page, "would gain tags")).to_have_text(f"{len(would - tagged):,}")


def test_it_fits_a_phone(page: Page, site: Site) -> None:
    fits_a_phone(page, "/rejections", "Rejections")
