"""An invoice in a real browser: from preview and draft to the PDF, by keyboard, on a phone."""

from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.test import Client
from playwright.sync_api import Page, expect
from pypdf import PdfReader

from billing.invoicing import draft_invoice, finalize_invoice
from metering.models import Tenant
from tests.dashboards.test_browser import PASSWORD, Visitor, browser, password, server
from tests.dashboards.test_invoice_pages import november

__all__ = ["browser", "november", "password", "server"]

pytestmark = pytest.mark.browser
ADDRESSES = ("invoices/", "invoices/preview/", "invoices/{}/", "invoices/{}/lines/1/")


@pytest.fixture
def visit(server: str, password: None, browser: Any) -> Any:
    """Alice, logged in, in a window of any size and scheme."""

    def open_window(**context: Any) -> Visitor:
        # axe is a script from outside of the page, which the policy would rightly refuse.
        visitor = Visitor(browser, server, bypass_csp=True, **context)
        client = Client()
        assert client.login(username="alice", password=PASSWORD)
        cookie = {"name": "sessionid", "value": client.cookies["sessionid"].value, "url": server}
        visitor.page.context.add_cookies([cookie])  # type: ignore[list-item]
        return visitor

    return open_window


def serious(page: Page) -> list[str]:
    """What axe finds that keeps somebody from using the page."""
    found = Axe().run(page).response["violations"]
    return [
        f"{one['id']}: {one['nodes'][0]['html'][:200]}"
        for one in found
        if one["impact"] in {"serious", "critical"}
    ]


def test_from_the_preview_to_the_pdf(visit: Any, worked: Tenant, tmp_path: Path) -> None:
    page = (visitor := visit(viewport={"width": 1400, "height": 1000})).page
    page.goto(f"{visitor.base}/invoices/preview/?month=2026-10")
    total = page.locator("tfoot .grand td").inner_text()
    invoice = draft_invoice(worked, "2026-10")
    page.goto(f"{visitor.base}/invoices/")
    page.get_by_role("link", name="Draft October 2026", exact=True).click()
    expect(page.locator(".notice")).to_contain_text("This is a draft")
    finalize_invoice(invoice)
    page.goto(f"{visitor.base}/invoices/")
    page.get_by_role("link", name="INV-2026-000001", exact=True).click()
    # The preview, the draft and the invoice are one: nothing came in between.
    assert page.locator("tfoot .grand td").inner_text() == total == "$12.94"
    page.get_by_role("button", name="Verify now").click()
    expect(page.get_by_role("status")).to_contain_text("Right to the cent")
    address = page.get_by_role("link", name="PDF", exact=True).get_attribute("href")
    file = tmp_path / "invoice.pdf"
    file.write_bytes(page.context.request.get(f"{visitor.base}{address}").body())
    text = " ".join(PdfReader(file).pages[0].extract_text().split())
    assert "Total in USD 12.94" in text
    assert visitor.complaints == []


def test_the_events_of_a_line_are_reached_by_keyboard(visit: Any, worked: Tenant) -> None:
    finalize_invoice(draft_invoice(worked, "2026-10"))
    page = (visitor := visit(viewport={"width": 1400, "height": 1000})).page
    page.goto(f"{visitor.base}/invoices/INV-2026-000001/")
    page.get_by_role("link", name="CSV of the lines").focus()
    page.keyboard.press("Tab")  # the table, which scrolls by keyboard where it is too wide
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/lines/1/")
    page.get_by_role("link", name="a1", exact=True).focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/tasks/a1")
    assert visitor.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_and_a_phone_never_scrolls_sideways(
    visit: Any, worked: Tenant, scheme: str
) -> None:
    finalize_invoice(draft_invoice(worked, "2026-10"))
    visitor = visit(
        viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True, color_scheme=scheme
    )
    for address in ADDRESSES:
        visitor.page.goto(f"{visitor.base}/{address.format('INV-2026-000001')}")
        assert serious(visitor.page) == [], address
        assert visitor.value("document.documentElement.scrollWidth") == 390, address
