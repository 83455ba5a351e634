"""Names that others chose are text, wherever the dashboard shows them: neither HTML nor Markdown."""

import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from playwright.sync_api import Page, expect
from site_under_test import Site, settled

from client.upload import of_path

Scene = Callable[..., bytes]
NAME = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'<script>.jpg"
MARKED = "**x** [y](http://z) :red[a] :smile: :material_home: www.example.org a -> b $x^2$ `c`.jpg"
ARCHIVE = "<b onmouseover=alert(1)>bold<b> & [link](javascript:alert(1)) $x$.zip"


def test_markup_in_names_is_shown_and_never_run(page: Page, site: Site, scene: Scene, tmp_path: Path) -> None:
    path = tmp_path / ARCHIVE
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(NAME, scene("sea", 91))
        archive.writestr("plain.jpg", scene("forest", 92))
    job = site.client.submit([of_path(path)])
    assert job.wait(timeout=60).counts.accepted == 2
    for address in ("/jobs", f"/job?id={job.id}", "/history", "/rejections"):
        page.goto(address)
        expect(page.locator("[data-testid=stApp][data-test-script-state=notRunning]")).to_be_attached()
        if "job?" in address:
            expect(page.get_by_role("heading", level=1)).to_contain_text("<b onmouseover=alert(1)>bold<b>")
            photo = page.get_by_role("listbox", name="Photos").get_by_role("option").filter(has_text="<img src=x")
            photo.or_(page.get_by_role("option", name="<img src=x")).first.click()
        assert page.locator("img[src='x'], [onmouseover], a[href^='javascript']").count() == 0, address
        assert "owned" not in page.title(), address


def test_markdown_in_names_is_shown_as_it_is(page: Page, site: Site, scene: Scene, tmp_path: Path) -> None:
    path = tmp_path / "marked.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(MARKED, scene("sea", 93))
    job = site.client.submit([replace(of_path(path), name=f"{MARKED}.zip")])
    assert job.wait(timeout=60).counts.accepted == 1
    (source,) = job.view.sources
    page.goto("/jobs")
    settled(page, "Jobs")
    page.get_by_test_id("stDataFrame").click(position={"x": 20, "y": 35 + 20})
    expect(page.get_by_role("heading", level=3)).to_have_text(source.name)
    page.get_by_role("button", name="Open").click()
    settled(page, source.name)
    page.get_by_role("listbox", name="Photos").get_by_role("option").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_test_id("stCaptionContainer").first).to_contain_text(MARKED)
    for place in (page.get_by_role("heading", level=1), dialog.get_by_test_id("stCaptionContainer").first):
        assert place.locator("a:not([href^='#']), img, code, em, strong, .katex, [role=img]").count() == 0
