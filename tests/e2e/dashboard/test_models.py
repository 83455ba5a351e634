"""The models: cards, one looked at closely, two compared."""

import re
import zipfile
from collections.abc import Callable
from pathlib import Path

from dashboard_pages import figure, fits_a_phone
from playwright.sync_api import Page, expect
from site_under_test import Site, accessible, settled

from client.upload import of_path
from model.bundle import Bundle
from model.bundle_write import write_bundle


def test_each_model_has_a_card_and_the_default_is_named(page: Page, site: Site) -> None:
    page.goto("/models")
    settled(page, "Models")
    models = site.client.models()
    for model in models:
        expect(page.get_by_role("heading", name=f"{model['name']} {model['version']}", exact=True)).to_be_visible()
        expect(page.get_by_text(model["knows"])).to_be_visible()
    expect(page.get_by_text("judges new jobs")).to_have_count(1)
    expect(page.get_by_text("shoebox model promote")).to_be_visible()
    accessible(page)


def test_one_is_looked_at_closely(page: Page, site: Site) -> None:
    model = site.client.model("scenes")
    page.goto("/models")
    settled(page, "Models")
    page.locator(f".st-key-look_scenes-{model['version']}").get_by_role("button").click()
    settled(page, f"scenes {model['version']}")
    expect(page).to_have_url(re.compile("model=scenes(@|%40)"))
    measured = model["figures"]["validation"]
    expect(figure(page, "named right")).to_have_text(f"{100 * measured['accuracy']:.1f} %")
    expect(figure(page, "tagged")).to_have_text(f"{100 * measured['coverage']:.1f} %")
    expect(page.get_by_test_id("stVegaLiteChart")).to_have_count(2)
    expect(page.get_by_text(model["checksum"])).to_be_visible()
    accessible(page)
    page.get_by_role("button", name="All models").click()
    settled(page, "Models")


def test_two_are_compared_on_photos_that_both_judged(
    page: Page, site: Site, scene: Callable[..., bytes], tmp_path: Path, tiny_bundle: Bundle
) -> None:
    # A model of this test's own: what others had judged twice is not among its photos.
    files = {file: tiny_bundle.path / file for file in tiny_bundle.files}
    manifest = tiny_bundle.manifest(name="compared", version="1")
    write_bundle(site.home / "models" / "compared@1", manifest, files)
    path = tmp_path / "both.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for n in range(3):
            archive.writestr(f"both/{n}.jpg", scene("sea", 9100 + n))
    job = site.client.submit([of_path(path)], model="compared")
    job.wait(timeout=60)
    again = site.client.rerun(job.id, "scenes")
    again.wait(timeout=60)
    first, second = (list(site.client.items(one.id)) for one in (job, again))
    agreed = sum(one.label == other.label for one, other in zip(first, second, strict=True))
    page.goto("/models")
    settled(page, "Models")
    for name, model in (("First", "compared 1"), ("Second", f"scenes {again.view.version}")):
        page.get_by_role("combobox", name=name).click()
        page.get_by_role("option", name=model).click()
        settled(page, "Models")
    expect(figure(page, "photos")).to_have_text("3")
    expect(figure(page, "agree")).to_have_text(f"{agreed / 3:.0%}".replace("%", " %"))
    expect(page.get_by_text("They have no tag in common").or_(page.get_by_text("Tag by tag"))).to_be_visible()


def test_an_unknown_model_is_said_in_words(page: Page, site: Site) -> None:
    page.goto("/models?model=unicorn")
    expect(page.get_by_text("There is no such model.")).to_be_visible()


def test_it_fits_a_phone(page: Page, site: Site) -> None:
    fits_a_phone(page, "/models", "Models")
