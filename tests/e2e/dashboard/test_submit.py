"""Photos submitted in a real browser: what is sent, what is left out, and what goes wrong."""

import re
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Locator, Page, Request, expect
from site_under_test import PHONE, Site, accessible, settled, until_shown

from client.job import Job

Scene = Callable[..., bytes]
JOB = re.compile(r"/job\?id=(\w+)")


def submit(page: Page) -> Locator:
    """The page "Submit", ready."""
    page.goto("/")
    settled(page, "Submit photos")
    expect(page.get_by_role("button", name="Choose photos")).to_be_visible()
    return page.locator("input.files")


def tagged(page: Page, site: Site) -> Job:
    """The job to which the page goes once it has sent what was chosen, finished."""
    page.get_by_role("button", name=re.compile("^Tag ")).click()
    page.wait_for_url(JOB)
    found = JOB.search(page.url)
    assert found
    job = site.client.job(found[1])
    job.wait(timeout=60)
    return job


def names(site: Site, job: Job) -> list[str]:
    return sorted(item.name for item in site.client.items(job.id))


def test_one_photo_is_sent_as_it_is_and_no_key_is_ever_in_the_browser(page: Page, site: Site, scene: Scene) -> None:
    heard: list[Request] = []
    frames: list[bytes] = []
    page.on("request", lambda one: heard.append(one))
    page.on("websocket", lambda it: it.on("framereceived", lambda data: frames.append(_raw(data))))
    photo = scene("sea", 7001)
    submit(page).set_input_files({"name": "Ärger 海.jpg", "mimeType": "image/jpeg", "buffer": photo})
    expect(page.locator(".tile img")).to_be_visible()
    accessible(page)
    job = tagged(page, site)
    settled(page, "Ärger 海.jpg")
    (item,) = site.client.items(job.id)
    assert (item.name, item.label, item.raw["bytes"]) == ("Ärger 海.jpg", "sea", len(photo))
    uploads = [one for one in heard if one.method == "POST"]
    assert [one.url.split("?")[0] for one in uploads] == [f"{site.api}/v1/jobs"]
    assert "key" not in "".join(uploads[0].headers).replace("idempotency-key", "")
    key = (site.home / "key").read_text().strip()
    kept = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
    seen = "\n".join([page.content(), kept, *(f"{one.url} {one.headers}" for one in heard)])
    assert key not in seen and not any(key.encode() in frame for frame in frames)
    assert frames and any(b"Submit" in frame for frame in frames)


def _raw(data: str | bytes) -> bytes:
    return data.encode() if isinstance(data, str) else data


def test_a_folder_is_one_zip_with_its_folders_and_without_junk(
    page: Page, site: Site, scene: Scene, tmp_path: Path
) -> None:
    folder = tmp_path / "Österreich"
    wanted = [f"tag {n}/bild {n} ☀.jpg" for n in range(9)] + ["日本/海.jpg"]
    for n, name in enumerate(wanted):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(scene("sea", 7100 + n))
    for junk in (
        ".DS_Store",
        "__MACOSX/._a.jpg",
        "notes.txt",
        "raw/day.NEF",
        "old.rar",
        "hidden/.thumb.jpg",
        "none.jpg",
    ):
        path = folder / junk
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"" if junk == "none.jpg" else b"something")
    submit(page)
    page.locator("input.folder").set_input_files(folder)
    expect(page.get_by_text("10 photos ·")).to_be_visible()
    page.get_by_text("7 files left out").click()
    for why in (
        "Not photos · 1 file",
        "Raw photos, which",
        "Archives of a kind",
        "Empty · 1 file",
        "by the system · 3 files",
    ):
        expect(page.get_by_text(why)).to_be_visible()
    job = tagged(page, site)
    settled(page, "Österreich.zip")
    assert names(site, job) == sorted(wanted)
    assert (job.view.counts.accepted, job.view.counts.skipped) == (10, 0)


def test_a_folder_can_be_dropped_and_photos_taken_out_by_keyboard(
    page: Page, site: Site, scene: Scene, tmp_path: Path
) -> None:
    folder = tmp_path / "trip"
    (folder / "day").mkdir(parents=True)
    for n in range(120):
        (folder / "day" / f"{n:03}.jpg").write_bytes(scene("forest", 7300))
    submit(page)
    drop(page, [folder, folder / "day" / "005.jpg"])
    expect(page.get_by_text("121 photos ·")).to_be_visible()
    expect(page.locator(".tile")).to_have_count(60)
    page.get_by_role("button", name="Show 60 more of 61").click()
    expect(page.locator(".tile")).to_have_count(120)
    page.get_by_role("button", name="Remove trip/day/000.jpg").press("Enter")
    expect(page.get_by_role("button", name="Remove trip/day/001.jpg")).to_be_focused()
    page.keyboard.press("Space")
    expect(page.get_by_text("119 photos ·")).to_be_visible()
    job = tagged(page, site)
    assert names(site, job) == sorted(["005.jpg", *(f"trip/day/{n:03}.jpg" for n in range(2, 120))])


def drop(page: Page, paths: list[Path]) -> None:
    """Drops files as a hand does: with the browser's own events, which give it the files' places."""
    box = page.locator(".zone").bounding_box()
    assert box
    tab = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        where = {"type": kind, "x": box["x"] + 50, "y": box["y"] + 50, "data": data}
        tab.send("Input.dispatchDragEvent", where)
    tab.detach()


def test_three_thousand_small_files_are_one_job(page: Page, site: Site, scene: Scene, tmp_path: Path) -> None:
    photos = [scene("sunset", 7400 + n, 64, 48) for n in range(3)]
    for n in range(3000):
        (tmp_path / f"{n}.jpg").write_bytes(photos[n % 3])
    submit(page)
    page.locator("input.folder").set_input_files(tmp_path)
    expect(page.get_by_text("3,000 photos ·")).to_be_visible()
    page.get_by_role("button", name="Tag them").click()
    page.wait_for_url(JOB)
    job = site.client.job(page.url.split("=")[1])
    until = time.monotonic() + 60
    while job.refresh().counts.total is None and time.monotonic() < until:
        time.sleep(0.1)
    assert job.view.counts.total == 3000
    site.client.cancel(job.id)
    job.wait(timeout=60)


def test_zips_and_photos_together_are_one_job_with_the_chosen_options(
    page: Page, site: Site, scene: Scene, tmp_path: Path
) -> None:
    for name in ("one.zip", "two.zip"):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr("a.jpg", scene("sea", 7500))
    (tmp_path / "b.jpg").write_bytes(scene("forest", 7501))
    files = submit(page)
    page.get_by_text("Options").click()
    page.get_by_role("radio", name="never reject").press("Space")
    expect(page.get_by_text("they may get a tag as well")).to_be_visible()
    settled(page, "Submit photos")

    def never_forests() -> None:
        page.get_by_role("combobox", name="Never these tags").click()
        page.get_by_role("option", name="forest").click(timeout=3000)
        page.keyboard.press("Escape")  # while the list is open, all beside it counts as hidden

    until_shown(never_forests, page.get_by_role("button", name="Remove forest"))
    page.get_by_label("Most tags of a photo").fill("1")
    page.keyboard.press("Enter")
    files.set_input_files([tmp_path / "one.zip", tmp_path / "two.zip", tmp_path / "b.jpg"])
    expect(page.get_by_text("All of it becomes one job.")).to_be_visible()
    job = tagged(page, site)
    params = job.view.raw["params"]
    assert (params["novelty"], params["deny"], params["top_k"]) == ("off", ["forest"], 1)
    assert sorted(source.name for source in job.view.sources) == ["b.jpg", "one.zip", "two.zip"]
    assert names(site, job) == ["a.jpg", "a.jpg", "b.jpg"]


def test_the_page_is_accessible_and_fits_a_phone(page: Page, site: Site, scene: Scene) -> None:
    page.set_viewport_size(PHONE)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        files = submit(page)
        page.get_by_text("Options").click()
        expect(page.get_by_text("Least confidence of a tag")).to_be_visible()
        accessible(page)
        photo = {"mimeType": "image/jpeg", "buffer": scene("sea", 7600)}
        files.set_input_files([{"name": f"{n}.jpg", **photo} for n in range(5)] + [{"name": "a.rar", **photo}])
        page.get_by_text("1 file left out").click()
        accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        page.get_by_role("button", name="Clear").click()
        expect(page.get_by_role("button", name="Choose photos")).to_be_focused()
