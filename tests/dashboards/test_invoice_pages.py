"""Invoices as a tenant's finance person reads them."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from billing.exports.ask import Ask
from billing.exports.registry import export
from billing.invoicing import draft_invoice, finalize_invoice
from billing.models import Invoice
from metering.models import Tenant
from tests.dashboards.test_overview_page import plain


@pytest.fixture
def invoice(worked: Tenant) -> Invoice:
    return finalize_invoice(draft_invoice(worked, "2026-10"))


def read(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return plain(response.content.decode())


def test_a_list_without_invoices_says_how_one_comes_about(alice: Client) -> None:
    assert "close_month 2026-10 --tenant acme" in read(alice, "/invoices/")


def test_the_list_has_number_month_status_and_total(alice: Client, invoice: Invoice) -> None:
    text = read(alice, "/invoices/")
    # 1,800,000 input tokens $3.60, two agent-days $1, bursts: 2 × 2,678,400 s × $0.000001 = $5.36
    # of baseline and 3 × 600 s × $0.001 = $1.80; $11.76 and 10 % of tax, $1.18
    assert f"{invoice.number} October 2026 Finalized" in text
    assert "$11.76 $1.18 $12.94" in text


def test_the_page_has_lines_and_totals(alice: Client, invoice: Invoice) -> None:
    text = read(alice, f"/invoices/{invoice.number}/")
    assert "1,800,000 token $0.000002 $3.60" in text
    assert "2 agent-day $0.50 $1.00" in text
    assert "Subtotal $11.76 Tax, 10 % $1.18 Total $12.94" in text


def test_the_page_says_how_to_prove_it(alice: Client, invoice: Invoice) -> None:
    text = read(alice, f"/invoices/{invoice.number}/")
    assert f"manage.py verify_invoice {invoice.number}" in text
    assert f"{invoice.watermark:%Y-%m-%d %H:%M:%S.%f} UTC" in text


def test_a_draft_has_no_number_and_says_so(alice: Client, worked: Tenant) -> None:
    draft_invoice(worked, "2026-10")
    assert "Draft October 2026" in read(alice, "/invoices/")
    text = read(alice, "/invoices/draft-2026-10/")
    assert "This is a draft" in text
    assert "verify_invoice" not in text


def test_a_draft_names_what_blocks_it_and_what_is_not_charged(
    alice: Client, worked: Tenant, send: Callable[..., object], event: Any
) -> None:
    chip = event.chip("2026-10-06T00:00:00Z", "2026-10-06T00:01:00Z", chip="new-chip")
    send(worked, [chip, event("custom.pages", "2026-10-06T00:00:00Z", value="3")])
    draft_invoice(worked, "2026-10")
    text = read(alice, "/invoices/draft-2026-10/")
    assert "cannot be finalized until these have a price" in text
    assert "new-chip" in text
    assert "Not charged" in text
    assert "custom.pages, 1 event" in text


def test_a_correction_names_its_period(
    alice: Client,
    worked: Tenant,
    invoice: Invoice,
    send: Callable[..., object],
    event: Any,
) -> None:
    send(worked, [event.tokens("2026-10-20T00:00:00Z", input_tokens=1_000_000)])
    draft_invoice(worked, "2026-11")
    text = read(alice, "/invoices/draft-2026-11/")
    assert "correction" in text
    assert str(invoice.number) in text
    assert "1–31 Oct 2026" in text


@pytest.mark.parametrize(
    "number", ["INV-2026-999999", "draft-2026-10", "draft-2026-99", "draft-", "%00", "draft-x"]
)
def test_what_does_not_exist_is_not_found(alice: Client, number: str) -> None:
    assert alice.get(f"/invoices/{number}/").status_code == 404
    assert alice.get(f"/invoices/{number}/lines.csv").status_code == 404


def test_the_csv_of_an_invoice_is_what_the_export_has_of_it(
    alice: Client, worked: Tenant, invoice: Invoice
) -> None:
    response = alice.get(f"/invoices/{invoice.number}/lines.csv")
    assert response.status_code == 200
    assert response["Content-Type"].startswith("text/csv")
    assert response.getvalue() == b"".join(export(Ask(kind="lines", month="2026-10"), [worked]))


def test_invoices_need_no_event_store(
    alice: Client, invoice: Invoice, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*_: object, **__: object) -> None:
        raise AssertionError("the event store was asked")

    monkeypatch.setattr("metering.clickhouse.connection._execute", down)
    read(alice, "/invoices/")
    read(alice, f"/invoices/{invoice.number}/")
