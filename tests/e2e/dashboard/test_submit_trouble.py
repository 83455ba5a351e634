"""Uploads that are refused, canceled or cut off: told in words, sent again safely."""

import json
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from find_browser import find
from playwright.sync_api import Browser, CDPSession, Page, Route, expect
from relay import Relay
from site_under_test import ARGUMENTS, WIDE, Site, settled, shoebox

from bench.browser_upload import Watch, repeated

Scene = Callable[..., bytes]
JOB = re.compile(r"/job\?id=(\w+)")
SLOW = {"latency": 0, "downloadThroughput": -1, "connectionType": "wifi"}


def ready(browser: Browser, site: Site) -> Iterator[Page]:
    """A page whose requests may fail, which browsers note in their consoles; faults of scripts fail the test."""
    context = browser.new_context(viewport=WIDE, base_url=site.url)
    opened = context.new_page()
    opened.set_default_timeout(20_000)
    expect.set_options(timeout=20_000)
    faults: list[str] = []
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.goto("/")
    settled(opened, "Submit photos")
    yield opened
    context.close()
    assert not faults


@pytest.fixture
def page(browser: Browser, site: Site) -> Iterator[Page]:
    yield from ready(browser, site)


@pytest.fixture
def relay(site: Site) -> Iterator[Relay]:
    """The network between browser and API."""
    port = urlsplit(site.api).port
    assert port
    with Relay(port) as found:
        yield found


@pytest.fixture
def far(browser: Browser, site: Site, relay: Relay) -> Iterator[Page]:
    """A page in a browser that reaches the API over the relay alone."""
    to = f"MAP {urlsplit(site.api).netloc} {urlsplit(relay.url).netloc}"
    other = browser.browser_type.launch(executable_path=find(), args=[*ARGUMENTS, f"--host-resolver-rules={to}"])
    yield from ready(other, site)
    other.close()


@pytest.fixture(scope="module")
def large(scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ZIP of 24 MB."""
    path = tmp_path_factory.mktemp("large") / "large.zip"
    photo = scene("sea", 8000, 1600, 1200)
    with zipfile.ZipFile(path, "w") as archive:
        for n in range(24_000_000 // len(photo)):
            archive.writestr(f"{n:04}.jpg", photo)
    return path


def pressed(page: Page, path: Path) -> None:
    page.locator("input.files").set_input_files(path)
    page.get_by_role("button", name="Tag them").click()


def jobs_of(site: Site, name: str) -> list[str]:
    return [job.id for job in site.client.jobs() if [source.name for source in job.sources] == [name]]


def narrow(page: Page, rate: int) -> CDPSession:
    """The browser sends no more than so many bytes a second."""
    tab = page.context.new_cdp_session(page)
    tab.send("Network.enable")
    tab.send("Network.emulateNetworkConditions", {**SLOW, "offline": False, "uploadThroughput": rate})
    return tab


def test_a_cut_connection_is_told_and_tried_again_as_one_job(far: Page, relay: Relay, site: Site, large: Path) -> None:
    relay.cut_after = relay.sent + 16_000_000
    tab = narrow(far, 4_000_000)
    pressed(far, large)
    expect(far.get_by_text(re.compile(r"MB of .*MB · .*/s · \d+ s left"))).to_be_visible()
    expect(far.get_by_role("alert")).to_contain_text("The connection broke off after")
    assert 16_000_000 < relay.sent < large.stat().st_size
    relay.cut_after = None
    tab.send("Network.emulateNetworkConditions", {**SLOW, "offline": False, "uploadThroughput": -1})
    assert jobs_of(site, "large.zip") == []
    far.get_by_role("button", name="Try again").click()
    far.wait_for_url(JOB)
    assert jobs_of(site, "large.zip") == [far.url.split("=")[1]]
    site.client.cancel(far.url.split("=")[1])


def test_a_lost_answer_makes_no_second_job(far: Page, relay: Relay, site: Site, scene: Scene, tmp_path: Path) -> None:
    photo = scene("sea", 8100, 800, 600)
    (tmp_path / "lost.jpg").write_bytes(photo)
    far.locator("input.files").set_input_files(tmp_path / "lost.jpg")
    # The preflight is short, and is answered.
    relay.deaf_after = relay.sent + len(photo)
    far.get_by_role("button", name="Tag it").click()
    expect(far.get_by_role("alert")).to_be_visible()
    assert len(jobs_of(site, "lost.jpg")) == 1
    relay.deaf_after = None
    far.get_by_role("button", name="Try again").click()
    far.wait_for_url(JOB)
    assert jobs_of(site, "lost.jpg") == [far.url.split("=")[1]]


def test_who_goes_back_after_a_lost_answer_and_sends_again_makes_no_second_job(
    far: Page, relay: Relay, site: Site, scene: Scene, tmp_path: Path
) -> None:
    photo = scene("sea", 8101, 800, 600)
    (tmp_path / "back.jpg").write_bytes(photo)
    far.locator("input.files").set_input_files(tmp_path / "back.jpg")
    relay.deaf_after = relay.sent + len(photo)
    far.get_by_role("button", name="Tag it").click()
    expect(far.get_by_role("alert")).to_be_visible()
    (made,) = jobs_of(site, "back.jpg")
    relay.deaf_after = None
    far.get_by_role("button", name="Back to the photos").click()
    far.get_by_role("button", name="Tag it").click()
    far.wait_for_url(JOB)
    assert jobs_of(site, "back.jpg") == [made] == [far.url.split("=")[1]]
    # Chosen anew after that, they are meant anew.
    far.get_by_role("link", name="Submit").click()
    settled(far, "Submit photos")
    far.locator("input.files").set_input_files(tmp_path / "back.jpg")
    far.get_by_role("button", name="Tag it").click()
    far.wait_for_url(re.compile(rf"/job\?id=(?!{made})\w+"))
    assert len(jobs_of(site, "back.jpg")) == 2


def test_tickets_that_end_between_tries_are_replaced_each_time(
    page: Page, site: Site, scene: Scene, tmp_path: Path
) -> None:
    steps = iter(["ended", "cut", "ended", "cut", "ended", "sent"])
    keys: list[str] = []
    tickets: list[str] = []

    def answer(route: Route) -> None:
        if route.request.method != "POST":
            route.continue_()
            return
        keys.append(route.request.headers["idempotency-key"])
        tickets.append(route.request.url.partition("ticket=")[2].partition("&")[0])
        step = next(steps)
        if step == "ended":
            route.fulfill(response=route.fetch(url=re.sub(r"ticket=[^&]+", "ticket=ended", route.request.url)))
        elif step == "cut":
            route.abort("connectionreset")
        else:
            route.continue_()

    page.route("**/v1/jobs?*", answer)
    (tmp_path / "tries.jpg").write_bytes(scene("sea", 8201))
    page.locator("input.files").set_input_files(tmp_path / "tries.jpg")
    page.get_by_role("button", name="Tag it").click()
    for _ in range(2):
        page.get_by_role("button", name="Try again").click()
    page.wait_for_url(JOB)
    assert len(keys) == 6 and len(set(keys)) == 1 and len(set(tickets)) == 6
    assert jobs_of(site, "tries.jpg") == [page.url.split("=")[1]]


def test_an_upload_that_must_ask_anew_waits_for_its_page(page: Page, site: Site, scene: Scene, tmp_path: Path) -> None:
    ended: list[int] = []

    def late(route: Route) -> None:
        if route.request.method == "POST" and not ended:
            page.get_by_role("link", name="Models").click()
            settled(page, "Models")
            answer = route.fetch(url=re.sub(r"ticket=[^&]+", "ticket=ended", route.request.url))
            ended.append(answer.status)
            route.fulfill(response=answer)
        else:
            route.continue_()

    page.route("**/v1/jobs?*", late)
    (tmp_path / "left.jpg").write_bytes(scene("sea", 8202))
    page.locator("input.files").set_input_files(tmp_path / "left.jpg")
    page.get_by_role("button", name="Tag it").click()
    settled(page, "Models")
    page.wait_for_timeout(500)
    assert ended == [401] and jobs_of(site, "left.jpg") == []
    page.get_by_role("link", name="Submit").click()
    page.wait_for_url(JOB)
    assert jobs_of(site, "left.jpg") == [page.url.split("=")[1]]


def test_a_ticket_that_has_ended_is_replaced_once_by_itself(
    page: Page, site: Site, scene: Scene, tmp_path: Path
) -> None:
    keys: list[str] = []
    ended: list[int] = []

    def late(route: Route) -> None:
        if route.request.method == "POST":
            keys.append(route.request.headers["idempotency-key"])
        if route.request.method == "POST" and not ended:
            url = re.sub(r"ticket=[^&]+", "ticket=ended", route.request.url)
            answer = route.fetch(url=url)
            ended.append(answer.status)
            route.fulfill(response=answer)
        else:
            route.continue_()

    page.route("**/v1/jobs?*", late)
    (tmp_path / "late.jpg").write_bytes(scene("sea", 8200))
    page.locator("input.files").set_input_files(tmp_path / "late.jpg")
    page.get_by_role("button", name="Tag it").click()
    page.wait_for_url(JOB)
    assert ended == [401] and len(keys) == 2 and len(set(keys)) == 1
    assert jobs_of(site, "late.jpg") == [page.url.split("=")[1]]


def test_an_upload_goes_on_while_other_pages_are_looked_at_and_is_canceled(page: Page, site: Site, large: Path) -> None:
    narrow(page, 1_000_000)
    pressed(page, large)
    expect(page.get_by_text(re.compile(r"MB of .* left"))).to_be_visible()
    page.get_by_role("link", name="Models").click()
    settled(page, "Models")
    page.get_by_role("link", name="Submit").click()
    settled(page, "Submit photos")
    expect(page.get_by_text(re.compile(r"MB of .* left"))).to_be_visible()
    before = len(jobs_of(site, "large.zip"))
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("status").filter(has_text="Canceled.")).to_be_visible()
    expect(page.get_by_text("1 ZIP ·")).to_be_visible()
    assert len(jobs_of(site, "large.zip")) == before


def test_other_archives_and_broken_zips_are_refused_in_words(page: Page, tmp_path: Path) -> None:
    (tmp_path / "trip.rar").write_bytes(b"Rar!\x1a\x07\x01\x00" + bytes(2000))
    page.locator("input.files").set_input_files(tmp_path / "trip.rar")
    expect(page.get_by_text("There is no photo among these files.")).to_be_visible()
    page.get_by_text("1 file left out").click()
    expect(page.get_by_text("please unpack them, or make a ZIP")).to_be_visible()
    (tmp_path / "trip.zip").write_bytes((tmp_path / "trip.rar").read_bytes())
    pressed(page, tmp_path / "trip.zip")
    expect(page.get_by_role("alert")).to_contain_text(re.compile(r"This is a rar archive.*\(request \w+\)"))
    page.get_by_role("button", name="Clear").click()
    with zipfile.ZipFile(tmp_path / "cut.zip", "w") as archive:
        archive.writestr("a.jpg", bytes(5000))
    (tmp_path / "cut.zip").write_bytes((tmp_path / "cut.zip").read_bytes()[:3000])
    pressed(page, tmp_path / "cut.zip")
    expect(page.get_by_role("alert")).to_contain_text("its end is missing")


def test_large_uploads_do_not_pass_through_the_dashboard(page: Page, site: Site, large: Path, tmp_path: Path) -> None:
    repeated(large, tmp_path / "library.zip", 60e6)
    states = json.loads(shoebox(site.environment, "status", "--json").stdout)["processes"]
    pids = {one["name"]: one["pid"] for one in states}
    page.locator("input.files").set_input_files(tmp_path / "library.zip")
    expect(page.get_by_text("1 ZIP ·")).to_be_visible()
    watch = Watch({name: pids[name] for name in ("dashboard", "api")})
    page.get_by_role("button", name="Tag them").click()
    page.wait_for_url(JOB)
    watch.stop()
    (job,) = jobs_of(site, "library.zip")
    site.client.cancel(job)
    # What the pages' own code takes, and a few pieces on their way to the disk.
    assert watch.peak["dashboard"] - watch.before["dashboard"] < 20
    assert watch.peak["api"] - watch.before["api"] < 30
