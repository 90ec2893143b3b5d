"""The page of exports in a real browser: a file chosen, downloaded and read, also on a phone."""

import csv
import io
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from billing.exports.ask import Ask
from billing.exports.registry import export
from billing.invoicing import draft_invoice, finalize_invoice
from metering.models import Tenant
from tests.billing.exports import rfc4180
from tests.dashboards.test_browser import browser, password, server
from tests.dashboards.test_invoice_browser import serious, visit

__all__ = ["browser", "password", "server", "visit"]

pytestmark = pytest.mark.browser


def test_a_small_file_is_downloaded_and_read(visit: Any, worked: Tenant, tmp_path: Path) -> None:
    """October's invoice is 12.94, and so are the charges of the file, added up."""
    invoice = finalize_invoice(draft_invoice(worked, "2026-10"))
    page = (visitor := visit(viewport={"width": 1400, "height": 1000})).page
    page.goto(f"{visitor.base}/exports/")
    page.get_by_label("File").select_option("focus focus_version=1.3")
    page.get_by_label("Month").select_option("2026-10")
    with page.expect_download() as download:
        page.get_by_role("button", name="Export").click()
    assert download.value.suggested_filename == "acme-focus-1.3-2026-10.csv"
    download.value.save_as(file := tmp_path / "focus.csv")
    data = file.read_bytes()
    ask = Ask(kind="focus", month="2026-10", focus_version="1.3")
    assert data == b"".join(export(ask, [worked]))
    assert rfc4180.read(data) == list(csv.reader(io.StringIO(data.decode(), newline="")))
    header, *rows = rfc4180.read(data)
    assert sum(not name.startswith("x_") for name in header) == 65
    costs = [Decimal(row[header.index("BilledCost")]) for row in rows]
    assert sum(costs) == invoice.total == Decimal("12.94")
    assert visitor.complaints == []


def test_it_fits_a_phone_and_axe_finds_nothing_serious(visit: Any, worked: Tenant) -> None:
    phone = {"width": 390, "height": 844}
    page = (visitor := visit(viewport=phone, is_mobile=True, has_touch=True)).page
    page.goto(f"{visitor.base}/exports/")
    assert page.get_by_role("button", name="Export").is_visible()
    assert visitor.value("document.documentElement.scrollWidth") == 390
    assert serious(page) == []
    assert visitor.complaints == []
