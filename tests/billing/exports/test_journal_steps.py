"""The journal after an invoice was issued: paid, void or given up, in the month of each."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest
import time_machine
from django.test import override_settings

from billing.exports.ask import read_ask
from billing.exports.expected import expected_rows
from billing.invoicing import draft_invoice, finalize_invoice
from billing.life_cycle import Paid, mark_uncollectible, record_payment, void_invoice
from billing.models import Invoice
from billing.standing import standing
from metering.models import Tenant

Read = Callable[..., list[dict[str, str]]]
Rows = list[dict[str, str]]
NUMBER = "INV-2026-000001"
DECEMBER = datetime(2026, 12, 3, 9, tzinfo=UTC)


@pytest.fixture
def invoice(acme: Tenant) -> Invoice:
    """Of 1.96 in all."""
    return finalize_invoice(draft_invoice(acme, "2026-10"))


@pytest.fixture
def december() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(DECEMBER, tick=True) as clock:
        yield clock


def pay(invoice: Invoice, amount: str, at: datetime = DECEMBER, method: str = "bank") -> None:
    paid = Paid(
        key=f"{invoice}{amount}{method}",
        amount=Decimal(amount),
        currency="USD",
        method=method,
        reference=f"S {amount}",
        paid_at=at,
    )
    record_payment(invoice, paid, keep_rest=True)


def booked(rows: Rows) -> list[tuple[str, str, str]]:
    return [(row["account_name"], row["debit"], row["credit"]) for row in rows]


def balances(*files: Rows) -> dict[str, Decimal]:
    """Debits less credits by account, once every journal is found to balance."""
    accounts: dict[str, Decimal] = defaultdict(Decimal)
    journals: dict[str, Decimal] = defaultdict(Decimal)
    for row in (row for rows in files for row in rows):
        amount = Decimal(row["debit"] or 0) - Decimal(row["credit"] or 0)
        accounts[row["account_name"]] += amount
        journals[row["journal"]] += amount
    assert not any(journals.values())
    return {name: amount for name, amount in accounts.items() if amount}


def test_a_void_invoice_is_reversed_in_the_month_of_the_void(
    acme: Tenant, invoice: Invoice, read: Read, december: None
) -> None:
    """What October's journal had stays in it, and December's takes all of it back."""
    before = read("journal", acme)
    void_invoice(invoice, key="v", reason="wrong address")
    assert read("journal", acme) == before
    rows = read("journal", acme, "2026-12")
    assert booked(rows) == [
        ("Accounts Receivable", "", "1.96"),
        ("Sales", "0.34", ""),
        ("Sales", "1.00", ""),
        ("Sales", "0.50", ""),
        ("Sales", "0.01", ""),
        ("Sales Tax Payable", "0.11", ""),
    ]
    assert {row["journal"] for row in rows} == {f"journal-2026-12-acme-{NUMBER}-V"}
    assert {row["date"] for row in rows} == {"2026-12-03"}
    assert rows[0]["memo"] == f"Void {NUMBER}"
    assert read("journal", acme, "2026-11") == []
    assert balances(before, rows) == {}


def test_a_void_invoice_gives_prepaid_credit_back(
    acme: Tenant, read: Read, manage: Callable[..., str], december: None
) -> None:
    """1.50 of 1.96 was paid by credit: the customer's again, and 0.46 no more to be paid."""
    manage("grant_credits", "--tenant", "acme", "--amount", "1.50", "--key", "order-1")
    number = finalize_invoice(draft_invoice(acme, "2026-10"))
    void_invoice(number, key="v", reason="wrong address")
    rows = read("journal", acme, "2026-12")
    assert booked(rows)[:2] == [
        ("Accounts Receivable", "", "0.46"),
        ("Customer Prepayments", "", "1.50"),
    ]
    assert balances(read("journal", acme), rows) == {}


def test_the_invoice_drafted_anew_stands_beside_the_void_one(
    acme: Tenant, invoice: Invoice, read: Read, december: None
) -> None:
    void_invoice(invoice, key="v", reason="wrong address")
    finalize_invoice(draft_invoice(acme, "2026-10"))
    october, later = read("journal", acme), read("journal", acme, "2026-12")
    assert len({row["invoice"] for row in october}) == 2
    assert balances(october, later) == {
        "Accounts Receivable": Decimal("1.96"),
        "Sales": Decimal("-1.85"),
        "Sales Tax Payable": Decimal("-0.11"),
    }


def test_a_payment_is_booked_on_the_day_that_it_came(
    acme: Tenant, invoice: Invoice, read: Read, december: None
) -> None:
    """Told in December, there since the last moments of November; the second is 0.04 too much."""
    pay(invoice, "1.00", datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC))
    pay(invoice, "1.00", method="stripe")
    november = read("journal", acme, "2026-11")
    assert booked(november) == [("Bank", "1.00", ""), ("Accounts Receivable", "", "1.00")]
    assert november[0]["memo"] == f"{NUMBER} by bank, S 1.00"
    accounts = {"bank:stripe": {"code": "1050", "name": "Stripe"}, "bank": "1010"}
    with override_settings(JOURNAL_ACCOUNTS=accounts):
        assert read("journal", acme, "2026-11")[0]["account"] == "1010"
        later = read("journal", acme, "2026-12")
    assert booked(later) == [("Stripe", "1.00", ""), ("Accounts Receivable", "", "1.00")]
    left = balances(read("journal", acme), november, later)["Accounts Receivable"]
    assert left == Decimal("-0.04") == -standing(invoice).overpaid


def test_what_is_given_up_is_a_loss_until_it_is_paid_after_all(
    acme: Tenant, invoice: Invoice, read: Read, december: time_machine.Traveller
) -> None:
    """0.50 of 1.96 came, 1.46 are lost; then 2.00 come: the loss is none, and 0.54 too much."""
    pay(invoice, "0.50")
    december.shift(1)
    mark_uncollectible(invoice, key="u", reason="insolvent")
    assert booked(read("journal", acme, "2026-12"))[2:] == [
        ("Bad Debts", "1.46", ""),
        ("Accounts Receivable", "", "1.46"),
    ]
    december.shift(1)
    pay(invoice, "2.00", datetime(2027, 1, 4, tzinfo=UTC))
    late = read("journal", acme, "2027-01")
    assert booked(late) == [
        ("Bank", "2.00", ""),
        ("Bad Debts", "", "1.46"),
        ("Accounts Receivable", "", "0.54"),
    ]
    assert {row["invoice"] for row in late} == {f"{NUMBER}-P2"}
    files = (read("journal", acme), read("journal", acme, "2026-12"), late)
    assert balances(*files)["Accounts Receivable"] == Decimal("-0.54")


def test_one_that_was_given_up_and_then_void_is_no_loss(
    acme: Tenant, invoice: Invoice, read: Read, december: time_machine.Traveller
) -> None:
    mark_uncollectible(invoice, key="u", reason="insolvent")
    december.shift(1)
    void_invoice(invoice, key="v", reason="never ordered")
    rows = read("journal", acme, "2026-12")
    assert booked(rows)[:3] == [
        ("Bad Debts", "1.96", ""),
        ("Accounts Receivable", "", "1.96"),
        ("Bad Debts", "", "1.96"),
    ]
    assert balances(read("journal", acme), rows) == {}


def test_what_a_credit_note_takes_off_an_invoice_is_no_money(
    acme: Tenant, invoice: Invoice, read: Read, december: time_machine.Traveller
) -> None:
    pay(invoice, "0.01", method="credit note")
    assert read("journal", acme, "2026-12") == []
    december.shift(1)
    mark_uncollectible(invoice, key="u", reason="insolvent")
    december.shift(1)
    pay(invoice, "0.02", method="credit note")
    assert booked(read("journal", acme, "2026-12")) == [
        ("Bad Debts", "1.95", ""),
        ("Accounts Receivable", "", "1.95"),
        ("Bad Debts", "", "0.02"),
        ("Accounts Receivable", "0.02", ""),
    ]


def test_a_tenant_that_moved_has_each_step_once(
    acme: Tenant, invoice: Invoice, read: Read, december: None
) -> None:
    """In UTC, where the invoice was made, it was November; in Auckland it was December."""
    pay(invoice, "1.00", datetime(2026, 11, 30, 23, tzinfo=UTC))
    october, november = read("journal", acme), read("journal", acme, "2026-11")
    Tenant.objects.filter(pk=acme.pk).update(timezone="Pacific/Auckland")
    moved = Tenant.objects.get(pk=acme.pk)
    assert read("journal", moved) == october
    assert read("journal", moved, "2026-11") == november
    assert read("journal", moved, "2026-12") == []


def test_every_system_takes_the_steps(
    acme: Tenant, invoice: Invoice, read: Read, december: time_machine.Traveller
) -> None:
    """0.50 in the bank and 1.46 given up: each two lines, and none more than was expected."""
    pay(invoice, "0.50")
    december.shift(1)
    mark_uncollectible(invoice, key="u", reason="insolvent")
    xero = read("journal", acme, "2026-12", format="xero")
    assert [(row["*Narration"], row["*Date"], row["*Amount"]) for row in xero] == [
        (f"{NUMBER}-P1 Acme, Inc. 2026-12", "03/12/2026", "0.50"),
        (f"{NUMBER}-P1 Acme, Inc. 2026-12", "03/12/2026", "-0.50"),
        (f"{NUMBER}-W Acme, Inc. 2026-12", "03/12/2026", "1.46"),
        (f"{NUMBER}-W Acme, Inc. 2026-12", "03/12/2026", "-1.46"),
    ]
    quickbooks = read("journal", acme, "2026-12", format="quickbooks")
    assert [row["Name"] for row in quickbooks] == ["", "Acme, Inc.", "", "Acme, Inc."]
    assert all(len(row["JournalNo"]) <= 21 for row in quickbooks)
    netsuite = read("journal", acme, "2026-12", format="netsuite")
    assert netsuite[0]["External ID"] == f"journal-2026-12-acme-{NUMBER}-P1"
    assert [(row["Debit"], row["Credit"]) for row in netsuite[2:]] == [("1.46", ""), ("", "1.46")]
    assert {row["Posting Period"] for row in netsuite} == {"Dec 2026"}
    for month in ("2026-10", "2026-12"):
        rows = read("journal", acme, month)
        assert len(rows) <= expected_rows(acme, read_ask("journal", month, {}))
