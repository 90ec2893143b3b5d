"""From a line of an invoice to its events, page by page; counts and sums agree with the line."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client

from billing.invoicing import draft_invoice, finalize_invoice
from billing.models import Invoice, InvoiceLine
from metering.models import Tenant
from tests.dashboards.test_invoice_pages import html, november, read

__all__ = ["november"]


@pytest.fixture
def invoice(worked: Tenant, send: Callable[..., object], event: Any) -> Invoice:
    """Beside what acme did, 118 calls of 1,000 tokens in a second, and a call after the close."""
    calls = [
        event.tokens(f"2026-10-08T10:00:{n % 60:02}Z", task=f"t-{n}", input_tokens=1000)
        for n in range(118)
    ]
    send(worked, calls)
    found = finalize_invoice(draft_invoice(worked, "2026-10"))
    send(worked, [event.tokens("2026-10-20T00:00:00Z", task="late", input_tokens=500_000)])
    return found


def line_of(code: str, month: str = "2026-10-01") -> InvoiceLine:
    found = InvoiceLine.objects.filter(code=code, invoice__month=month).order_by("position").first()
    assert found is not None
    return found


def test_every_page_together_is_what_the_line_bills(alice: Client, invoice: Invoice) -> None:
    line = line_of("input-tokens")
    # 1,000,000 + 800,000 + 118 × 1,000; bob's call has no input and is an event of it too
    assert line.quantity == Decimal(1_918_000)
    address = f"/invoices/{invoice.number}/lines/{line.position}/"
    text = read(alice, address)
    assert "Events 121 Together 1,918,000 token" in text
    sums, rows, query = [], 0, "?size=50"
    while query:
        page = html(alice, address + query)
        text = read(alice, address + query)
        sums += re.findall(r"On this page ([\d,]+)", text)
        rows += len(re.findall(r"agent.tokens test", text))
        following = re.search(r'href="(\?[^"]+)" rel="next"', page)
        query = following[1].replace("&amp;", "&") if following else ""
    assert rows == 121
    assert [int(amount.replace(",", "")) for amount in sums] == [1_847_000, 50_000, 21_000]
    assert 'href="/tasks/t-5"' in html(alice, address)


def test_a_correction_says_what_it_was_and_what_it_is(
    alice: Client, worked: Tenant, invoice: Invoice
) -> None:
    draft_invoice(worked, "2026-11")
    line = InvoiceLine.objects.get(corrects=invoice, code="input-tokens")
    text = read(alice, f"/invoices/draft-2026-11/lines/{line.position}/")
    assert (
        f"Events 122 Together 2,418,000 token When {invoice.number} was made 1,918,000 token"
        " Difference 500,000 token"
    ) in text


def test_a_second_correction_says_what_the_first_has_billed(
    bob: Client, worked: Tenant, invoice: Invoice, send: Callable[..., object], event: Any
) -> None:
    with time_machine.travel(datetime(2026, 12, 2, tzinfo=UTC), tick=True):
        second = finalize_invoice(draft_invoice(worked, "2026-11"))
        send(worked, [event.tokens("2026-10-21T00:00:00Z", input_tokens=1_000_000)])
        draft_invoice(worked, "2026-12")
        bob.force_login(User.objects.get(username="bob"))
        line = InvoiceLine.objects.get(corrects=invoice, invoice__month="2026-12-01")
        text = read(bob, f"/invoices/draft-2026-12/lines/{line.position}/")
    # 500,000 came before November was closed, 1,000,000 after
    words = f"Difference 1,500,000 token Of it, billed on {second.number} 500,000 token"
    assert words in text
    assert line.quantity == 1_000_000


def test_derived_lines_and_bursts_say_how_they_were_counted(
    alice: Client, invoice: Invoice
) -> None:
    agents = read(alice, f"/invoices/{invoice.number}/lines/{line_of('agents').position}/")
    # Three events of tasks, of which two succeeded, one each of ada and bob
    assert "An agent counts once on each of its days" in agents
    assert "Events 3 Together 2 agent-day" in agents
    bursts = read(alice, f"/invoices/{invoice.number}/lines/{line_of('bursts').position}/")
    assert "Chips are counted by their level" in bursts
    assert "Events 1 " in bursts
    assert bursts.count("$") >= 3


@pytest.mark.parametrize(
    ("kind", "words"),
    [("fee", "A fee is owed"), ("commitment", "falls short of it"), ("coupon", "A coupon takes")],
)
def test_what_is_no_usage_says_that_it_has_no_events(
    alice: Client, worked: Tenant, invoice: Invoice, kind: str, words: str
) -> None:
    draft = draft_invoice(worked, "2026-11")
    draft.lines.filter(position=1).update(kind=kind)
    text = read(alice, "/invoices/draft-2026-11/lines/1/")
    assert words in text
    assert "Together" not in text


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("lines/999/", 404),
        ("lines/1/?size=7", 400),
        ("lines/1/?time=x", 400),
        ("lines/1/?time=2026-10-01", 400),
        ("lines/1/?time=2026-11-30T00:00:00Z", 200),
    ],
)
def test_what_cannot_be_shown_is_said(
    alice: Client, invoice: Invoice, address: str, status: int
) -> None:
    assert alice.get(f"/invoices/{invoice.number}/{address}").status_code == status


def test_another_tenants_evidence_is_not_found(
    alice: Client, charlie: Client, invoice: Invoice
) -> None:
    address = f"/invoices/{invoice.number}/lines/1/"
    assert alice.get(address).status_code == 200
    assert charlie.get(address).status_code == 404
    for more in ("invoice.pdf", "lines.csv", ""):
        assert charlie.get(f"/invoices/{invoice.number}/{more}").status_code == 404
    assert charlie.post(f"/invoices/{invoice.number}/verify/").status_code == 404
