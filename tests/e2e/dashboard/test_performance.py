"""Speed, reviews and backends, against the API's own numbers."""

import pytest
from dashboard_pages import figure, fits_a_phone
from playwright.sync_api import Page, WebSocket, expect
from site_under_test import Site, accessible, settled

from db.database import Database
from db.store.benchmarks import claim_benchmark, insert_benchmark, settle_benchmark


@pytest.fixture
def reviewed(site: Site) -> None:
    """Some verdicts confirmed and one corrected, in the job that all tests share: no count there changes."""
    items = [item for item in site.client.items(site.job) if item.decision == "accepted"][:4]
    said = [{"id": item.id, "correct": True} for item in items[:3]]
    site.client.review_many([*said, {"id": items[3].id, "label": None}])


def test_figures_are_those_of_the_statistics(page: Page, site: Site, reviewed: None) -> None:
    page.goto("/performance")
    settled(page, "Performance")
    latency, reviews = site.client.latency("hour"), site.client.review_stats("day")
    expect(figure(page, "photos")).to_have_text(f"{latency['total']['count']:,}")
    expect(figure(page, "95 of 100 within")).to_have_text(f"{latency['total']['p95']:.3g} ms")
    expect(figure(page, "reviewed")).to_have_text(f"{reviews['reviewed']:,}")
    expect(figure(page, "right")).to_have_text(f"{reviews['correct']:,}")
    expect(page.get_by_test_id("stVegaLiteChart").first).to_be_visible()
    accessible(page)


def test_it_is_still_once_nothing_runs(page: Page, site: Site) -> None:
    heard: list[object] = []

    def listen(socket: WebSocket) -> None:
        socket.on("framereceived", lambda frame: heard.append(frame))

    page.on("websocket", listen)
    page.goto("/performance")
    settled(page, "Performance")
    expect(page.get_by_text("Nothing of yours waits or is being judged.")).to_be_visible()
    assert heard
    for _ in range(5):  # what it began may take a while; a page that looks again every two seconds never ends
        heard.clear()
        page.wait_for_timeout(3000)
        if not heard:
            break
    assert not heard


@pytest.fixture
def measured(site: Site) -> str:
    """A benchmark as a worker stores it, for measuring takes half a minute; the name of the fastest backend."""
    times = {"openvino-bf16": 2.5, "onnxruntime": 4.0, "torch": 9.0}
    backends = [
        {
            "name": name,
            "available": True,
            "milliseconds": 2 * ms,
            "p95": 3 * ms,
            "batch_milliseconds": ms,
            "batch_p95": 2 * ms,
            "speedup": 9.0 / ms,
            "bytes": 1000,
            "reason": None,
        }
        for name, ms in times.items()
    ]
    database = Database(f"sqlite:///{site.home / 'shoebox.db'}")
    with database.write() as session:
        insert_benchmark(session, site.client.me()["owner"], ("tiny", "1"), "gone", 1)
        claim = claim_benchmark(session, "test", [("tiny", "1")])
        assert claim is not None
        result = {"checksum": "9f1c20ab37de5510", "fastest": min(times, key=times.__getitem__), "backends": backends}
        assert settle_benchmark(session, claim, result)
    database.close()
    return min(times, key=times.__getitem__)


def test_the_fastest_backend_is_named(page: Page, site: Site, measured: str) -> None:
    page.goto("/performance")
    settled(page, "Performance")
    assert site.client.benchmarks()[0]["fastest"] == measured
    expect(page.get_by_text("The fastest here is")).to_contain_text(measured)
    expect(page.get_by_role("button", name="Measure now")).to_be_enabled()
    expect(page.get_by_test_id("stVegaLiteChart").last).to_be_visible()


def test_it_fits_a_phone(page: Page, site: Site) -> None:
    fits_a_phone(page, "/performance", "Performance")
