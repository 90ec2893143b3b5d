"""Invoices as a tenant's finance person reads them."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.conf import LazySettings
from django.contrib.auth.models import User
from django.test import Client

from billing.exports.ask import Ask
from billing.exports.registry import export
from billing.invoicing import draft_invoice, finalize_invoice
from billing.life_cycle import Paid, record_payment
from billing.models import Invoice
from billing.parties import BillingDetails
from billing.pdf.render import invoice_pdf
from metering.models import Tenant
from tests.dashboards.test_overview_page import plain


@pytest.fixture(autouse=True)
def november() -> Iterator[None]:
    """October is over. The clock runs on, as connections time out by it."""
    with time_machine.travel(datetime(2026, 11, 24, 12, tzinfo=UTC), tick=True):
        yield


@pytest.fixture
def invoice(worked: Tenant) -> Invoice:
    return finalize_invoice(draft_invoice(worked, "2026-10"))


def html(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200
    return response.content.decode()


def read(client: Client, address: str) -> str:
    return plain(html(client, address))


def test_a_list_without_invoices_says_how_one_comes_about(alice: Client) -> None:
    assert "close_month 2026-10 --tenant acme" in read(alice, "/invoices/")


def test_the_list_has_number_month_status_and_total(alice: Client, invoice: Invoice) -> None:
    text = read(alice, "/invoices/")
    # 1,800,000 input tokens $3.60, two agent-days $1, bursts: 2 × 2,678,400 s × $0.000001 = $5.36
    # of baseline and 3 × 600 s × $0.001 = $1.80; $11.76 and 10 % of tax, $1.18
    assert f"{invoice.number} October 2026 Finalized" in text
    # Issued on 24 November, to be paid within 30 days.
    assert "24 Nov 2026 24 Dec 2026 $12.94 $12.94 PDF" in text


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


def test_it_says_who_sells_who_buys_and_until_when_to_pay(
    alice: Client, worked: Tenant, settings: LazySettings
) -> None:
    settings.SELLER_NAME, settings.SELLER_PAYMENT = "Agents AG", "IBAN CH93"
    BillingDetails.objects.create(
        tenant=worked, billing_name="Acme GmbH", billing_address="Weg 1\nBerlin", tax_id="DE1"
    )
    invoice = finalize_invoice(draft_invoice(worked, "2026-10"))
    text = read(alice, f"/invoices/{invoice.number}/")
    assert "To be paid $12.94 1–31 Oct 2026 · due 24 Dec 2026 IBAN CH93" in text
    assert "From Agents AG Bill to Acme GmbH Weg 1 Berlin Tax ID DE1" in text


def test_payments_stand_below_the_total_with_what_is_left(alice: Client, invoice: Invoice) -> None:
    at = datetime(2026, 11, 24, 9, tzinfo=UTC)
    paid = Paid(
        key="b1", amount=Decimal(5), currency="USD", method="bank", reference="42", paid_at=at
    )
    record_payment(invoice, paid)
    text = read(alice, f"/invoices/{invoice.number}/")
    # $12.94 less $5
    assert "Total $12.94 Paid −$5.00 Left $7.94" in text
    assert "To be paid $7.94" in text
    assert "24 Nov 2026, 09:00 Payment by bank, 42 $5.00" in text
    with time_machine.travel(datetime(2026, 12, 25, 12, tzinfo=UTC)):
        alice.force_login(User.objects.get(username="alice"))
        assert "Overdue" in read(alice, "/invoices/")
    record_payment(invoice, replace(paid, key="b2", amount=Decimal("7.94")))
    assert "Paid $12.94 1–31 Oct" in read(alice, f"/invoices/{invoice.number}/")


def test_a_corrected_invoice_leads_to_the_later_one_and_back(
    alice: Client, worked: Tenant, invoice: Invoice, send: Callable[..., object], event: Any
) -> None:
    send(worked, [event.tokens("2026-10-20T00:00:00Z", input_tokens=1_000_000)])
    draft_invoice(worked, "2026-11")
    assert 'href="/invoices/draft-2026-11/"' in html(alice, f"/invoices/{invoice.number}/")
    assert f'href="/invoices/{invoice.number}/"' in html(alice, "/invoices/draft-2026-11/")


def test_whoever_looks_may_have_it_verified(bob: Client, invoice: Invoice) -> None:
    assert "Verify now" in read(bob, f"/invoices/{invoice.number}/")
    proved = bob.post(f"/invoices/{invoice.number}/verify/")
    assert "Right to the cent" in proved.content.decode()
    assert bob.get(f"/invoices/{invoice.number}/verify/").status_code == 405


def test_what_was_lost_since_is_named_when_verified(
    bob: Client, invoice: Invoice, monkeypatch: pytest.MonkeyPatch
) -> None:
    differences = ["line 1 input-tokens: amount 3.60, computed 3.50"]
    monkeypatch.setattr("dashboards.invoice_views.verify_invoice", lambda _: differences)
    assert differences[0] in bob.post(f"/invoices/{invoice.number}/verify/").content.decode()


def test_the_running_month_is_previewed_and_not_stored(
    alice: Client, worked: Tenant, invoice: Invoice, send: Callable[..., object], event: Any
) -> None:
    send(worked, [event.tokens("2026-11-20T00:00:00Z", input_tokens=1_000_000)])
    text = read(alice, "/invoices/preview/")
    # 1,000,000 input tokens $2, the baseline of November's 2,592,000 s × 2 chips $5.18; 10 % tax
    assert "November 2026, so far Preview" in text
    assert "Subtotal $7.18 Tax, 10 % $0.72 Total $7.90" in text
    assert Invoice.objects.count() == 1
    assert alice.get("/invoices/preview/?month=2026-12").status_code == 404
    assert alice.get("/invoices/preview/?month=x").status_code == 404


def test_the_pdf_of_the_page_is_that_of_the_api(alice: Client, invoice: Invoice) -> None:
    answer = alice.get(f"/invoices/{invoice.number}/invoice.pdf")
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/pdf")
    assert answer.content == invoice_pdf(Invoice.objects.get(pk=invoice.pk))


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
