"""The page of the description in a real browser, under the content security policy."""

from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser

from tests.dashboards.test_browser import Visitor, browser, server

__all__ = ["browser", "server"]  # fixtures

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("store")]


def test_the_page_shows_every_operation_and_loads_nothing_from_outside(
    server: str, browser: Browser
) -> None:
    visitor = Visitor(browser, server, viewport={"width": 1400, "height": 1000})
    visitor.page.goto(f"{server}/api/docs/")
    usage = visitor.page.locator("#operations-Reads-get_usage")
    usage.wait_for()
    usage.click()
    visitor.page.get_by_text("The first day, of the tenant's calendar").first.wait_for()
    assert visitor.page.locator(".opblock-post").count() >= 9
    assert visitor.page.get_by_text("Unable to render").count() == 0
    assert visitor.hosts <= {urlsplit(server).netloc, ""}
    assert visitor.complaints == []
