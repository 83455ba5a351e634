"""What several browser tests of the dashboard's pages ask."""

from playwright.sync_api import Locator, Page
from site_under_test import PHONE, accessible, settled


def figure(page: Page, name: str) -> Locator:
    """The number under that name."""
    label = page.get_by_test_id("stMetricLabel").get_by_text(name, exact=True)
    return page.get_by_test_id("stMetric").filter(has=label).get_by_test_id("stMetricValue")


def photos(page: Page) -> Locator:
    """All photos of the page's galleries."""
    return page.get_by_role("listbox", name="Photos").get_by_role("option")


def fits_a_phone(page: Page, address: str, heading: str) -> None:
    """Asserts that the page needs no scrolling sideways on a phone in the dark, and that axe finds nothing there."""
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    page.emulate_media(color_scheme="dark")
    page.goto(address)
    settled(page, heading)
    assert page.evaluate("document.scrollingElement.scrollWidth") <= PHONE["width"]
    assert page.locator(".stMain").evaluate("element => element.scrollWidth - element.clientWidth") <= 0
    # What still fades in has not its own colour yet.
    page.wait_for_function("document.getAnimations().every((one) => one.playState !== 'running')")
    accessible(page)
