"""Every page in one browser: nothing serious for axe in light and dark, none wider than a phone."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect
from playwright.sync_api import TimeoutError as TooLong

from billing.invoicing import draft_invoice, finalize_invoice
from metering.models import Tenant
from tests.dashboards.test_browser import Visitor, browser, password, server
from tests.dashboards.test_invoice_browser import serious, visit

__all__ = ["browser", "password", "server", "visit"]

pytestmark = pytest.mark.browser
MONTH = "month=2026-10"
OF_TENANT = (
    f"/?{MONTH}",
    "/?month=2020-01",
    f"/spend/?{MONTH}",
    f"/spend/?{MONTH}&group=model",
    f"/spend/events/?{MONTH}",
    f"/agents/?{MONTH}",
    f"/agents/one/?{MONTH}&agent=ada",
    f"/tasks/?{MONTH}",
    "/tasks/a1",
    f"/efficiency/?{MONTH}",
    f"/bursts/?{MONTH}",
    f"/ingestion/?{MONTH}",
    "/invoices/",
    "/budgets/",
    "/exports/",
    "/keys/",
    "/members/",
    "/activity/",
    "/password/",
    "/tenants/",
)
OF_OPERATOR = tuple(
    f"/operator/{name}" for name in ("", "revenue/", "ingestion/", "unpriced/", "close/", "stripe/")
)
CONTRAST = {"runOnly": ["color-contrast"]}
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1400, "height": 1000}


@pytest.fixture
def olga(visit: Any, worked: Tenant) -> Visitor:
    """Alice, who is one of the operator's people as well: she sees all there is."""
    finalize_invoice(draft_invoice(worked, "2026-10"))
    User.objects.filter(username="alice").update(is_staff=True, is_superuser=True)
    found: Visitor = visit(viewport=DESKTOP)
    return found


def wrong(page: Page) -> list[str]:
    """What is wrong with the page that is open, in both themes and in both sizes."""
    expect(page.locator("[data-figure]:not([data-drawn])")).to_have_count(0)
    faults = serious(page)
    page.emulate_media(color_scheme="dark")
    dark = Axe().run(page, options=CONTRAST).response["violations"]
    faults += [f"dark {one['id']}: {one['nodes'][0]['html'][:200]}" for one in dark]
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    wide = too_wide(page)
    page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]
    page.emulate_media(color_scheme="light")
    still = page.locator('.scroll:not([tabindex="0"]), .scroll:not([aria-label])').count()
    return [*faults, *wide, *(["no focus"] * still)]


def too_wide(page: Page) -> list[str]:
    """Charts are drawn again a moment after the window has become smaller."""
    try:
        page.wait_for_function("document.documentElement.scrollWidth <= innerWidth", timeout=10_000)
    except TooLong:
        return [f"{page.evaluate('document.documentElement.scrollWidth')} wide"]
    return []


@pytest.mark.slow
def test_every_page_can_be_used_by_everybody(olga: Visitor) -> None:
    faults = []
    for address in (*OF_TENANT, *OF_OPERATOR):
        response = olga.page.goto(f"{olga.base}{address}")
        assert response is not None
        assert response.status == 200, address
        faults += [f"{address} {fault}" for fault in wrong(olga.page)]
    assert faults == [], "\n".join(faults)
    assert olga.complaints == []
    assert len(olga.hosts) == 1


def test_the_keyboard_alone_is_enough(olga: Visitor) -> None:
    page = olga.page
    page.goto(f"{olga.base}/?{MONTH}")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    menu = page.locator("details.menu.tenant")
    page.keyboard.press("Enter")
    expect(menu).to_have_attribute("open", "")
    page.keyboard.press("Escape")
    assert menu.get_attribute("open") is None
    for _ in range(30):
        page.keyboard.press("Tab")
        focused = page.locator(":focus")
        assert focused.evaluate("node => getComputedStyle(node).outlineStyle") == "solid"
    skip.focus()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.keyboard.press("Tab")
    assert page.locator("main :focus").count() == 1
