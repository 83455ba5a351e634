"""Names that strangers chose are text, wherever the dashboard shows them."""

import zipfile
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect
from site_under_test import Site

from client.upload import of_path

Scene = Callable[..., bytes]
NAME = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'<script>.jpg"
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
