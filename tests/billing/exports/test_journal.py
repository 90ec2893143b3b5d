"""The journal: balanced, the accounts that are set, and what each importing system takes."""

from collections import defaultdict
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st

from billing.exports.accounts import AccountsError, account, check_accounts
from billing.exports.ask import ExportError
from billing.exports.journal import entries
from billing.exports.journals import xero
from billing.exports.journals.entry import Entry, EntryLine, fitted
from billing.invoicing import draft_invoice, finalize_invoice
from billing.models import Invoice
from billing.rating.money import EXACT, ZERO, minor_units
from metering.ingest import Report
from metering.models import Tenant
from tests.conftest import Events

Read = Callable[..., list[dict[str, str]]]
Send = Callable[[Tenant, list[dict[str, Any]]], Report]
Rows = list[dict[str, str]]


def balances(rows: Rows) -> dict[str, Decimal]:
    """Debits less credits, by journal and currency."""
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        sums[f"{row['journal']} {row['currency']}"] += Decimal(row["debit"] or 0)
        sums[f"{row['journal']} {row['currency']}"] -= Decimal(row["credit"] or 0)
    return sums


def booked(rows: Rows) -> list[tuple[str, str, str]]:
    return [(row["account_name"], row["debit"], row["credit"]) for row in rows]


@pytest.fixture
def invoice(acme: Tenant) -> Invoice:
    return finalize_invoice(draft_invoice(acme, "2026-10"))


def test_an_invoice_is_owed_and_earned(acme: Tenant, invoice: Invoice, read: Read) -> None:
    """Tokens 0.12 + 0.01 + 0.25 − 0.04, agents 0.15 + 0.85, outcomes 0.06 + 0.44, searches 0.01."""
    rows = read("journal", acme)
    assert booked(rows) == [
        ("Accounts Receivable", "1.96", ""),
        ("Sales", "", "0.34"),
        ("Sales", "", "1.00"),
        ("Sales", "", "0.50"),
        ("Sales", "", "0.01"),
        ("Sales Tax Payable", "", "0.11"),
    ]
    assert {row["journal"] for row in rows} == {"journal-2026-10-acme-INV-2026-000001"}
    assert {row["date"] for row in rows} == {"2026-10-31"}
    assert balances(rows) == {"journal-2026-10-acme-INV-2026-000001 USD": ZERO}


def test_prepaid_credit_is_owed_no_more(
    acme: Tenant, read: Read, manage: Callable[..., str]
) -> None:
    """Of 1.96 the credit pays 1.50, so 0.46 is left to pay; what was earned is the same."""
    manage("grant_credits", "--tenant", "acme", "--amount", "1.50", "--key", "order-1")
    finalize_invoice(draft_invoice(acme, "2026-10"))
    assert booked(read("journal", acme))[:3] == [
        ("Accounts Receivable", "0.46", ""),
        ("Customer Prepayments", "1.50", ""),
        ("Sales", "", "0.34"),
    ]


def test_a_draft_is_not_booked(acme: Tenant, read: Read) -> None:
    draft_invoice(acme, "2026-10")
    assert read("journal", acme) == []


def test_a_credit_note_goes_the_other_way(
    acme: Tenant, invoice: Invoice, read: Read, send: Send, event: Events
) -> None:
    """A correction of October's searches, turned into one of a cent too much."""
    late = event("agent.tool", "2026-10-03T00:00:00Z", tool="search", units="2")
    send(acme, [late])
    note = draft_invoice(acme, "2026-11")
    # Three units are one of three: 0.02, of which a third, 0.01, was billed.
    [more] = note.lines.filter(code="searches", corrects=invoice)
    assert f"{more.amount:f}" == "0.01"
    note.lines.exclude(pk=more.pk).delete()
    note.lines.update(amount=Decimal("-0.01"))
    note.subtotal = note.total = Decimal("-0.01")
    note.tax, note.kind = ZERO, Invoice.Kind.CREDIT_NOTE
    note.number, note.status = "CN-2026-000001", Invoice.Status.FINALIZED
    note.save()
    rows = read("journal", acme, "2026-11")
    assert booked(rows) == [("Accounts Receivable", "", "0.01"), ("Sales", "0.01", "")]
    assert rows[0]["memo"] == "Credit Note CN-2026-000001"
    assert rows[1]["memo"] == "searches, correction of INV-2026-000001"


@override_settings(
    JOURNAL_ACCOUNTS={
        "receivable": "1100",
        "revenue:agents": {"code": "4010", "name": "Sales:Agents"},
    }
)
def test_the_accounts_are_those_of_the_operator(acme: Tenant, invoice: Invoice, read: Read) -> None:
    rows = read("journal", acme)
    assert [row["account"] for row in rows] == ["1100", "4000", "4010", "4000", "4000", "2200"]
    names = [row["AccountName"] for row in read("journal", acme, format="quickbooks")]
    assert names[:3] == ["1100", "Sales", "Sales:Agents"]


@pytest.mark.parametrize(
    ("own", "said"),
    [
        ([], "must be a JSON object"),
        ({"sales": "4000"}, "'sales' is not one of receivable, revenue, tax"),
        ({"tax": ""}, "tax must be"),
        ({"tax": {"code": "1"}}, "tax must be"),
        ({"revenue:x": {"code": "1", "name": "n", "kind": "k"}}, "revenue:x must be"),
    ],
)
def test_a_wrong_setting_of_accounts_is_refused(own: object, said: str) -> None:
    with pytest.raises(AccountsError, match=said):
        check_accounts(own)


def test_xero_takes_it(acme: Tenant, invoice: Invoice, read: Read) -> None:
    rows = read("journal", acme, format="xero")
    assert tuple(rows[0]) == xero.COLUMNS
    assert rows[0] == dict.fromkeys(xero.COLUMNS, "") | {
        "*Narration": "INV-2026-000001 Acme, Inc. 2026-10",
        "*Date": "31/10/2026",
        "Description": "Invoice INV-2026-000001",
        "*AccountCode": "1200",
        "*TaxRate": "Tax Exempt (0%)",
        "*Amount": "1.96",
    }
    assert sum(Decimal(row["*Amount"]) for row in rows) == 0
    assert rows[1]["*Amount"] == "-0.34"


def test_quickbooks_takes_it(acme: Tenant, invoice: Invoice, read: Read) -> None:
    rows = read("journal", acme, format="quickbooks")
    assert [row["Name"] for row in rows] == ["Acme, Inc.", "", "", "", "", ""]
    assert rows[0]["JournalDate"] == "10/31/2026"
    assert [(row["Debits"], row["Credits"]) for row in rows[:2]] == [("1.96", ""), ("", "0.34")]
    assert all(len(row["JournalNo"]) <= 21 for row in rows)


def test_netsuite_takes_it(acme: Tenant, invoice: Invoice, read: Read) -> None:
    with override_settings(JOURNAL_NETSUITE_SUBSIDIARY="Parent : Sub"):
        rows = read("journal", acme, format="netsuite")
    assert {row["External ID"] for row in rows} == {"journal-2026-10-acme-INV-2026-000001"}
    assert {row["Subsidiary"] for row in rows} == {"Parent : Sub"}
    assert {row["Posting Period"] for row in rows} == {"Oct 2026"}
    assert [(row["Debit"], row["Credit"]) for row in rows[:2]] == [("1.96", ""), ("", "0.34")]


def test_what_xero_would_not_take_in_one_file_comes_in_parts(
    acme: Tenant, invoice: Invoice, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = read("journal", acme, format="xero")
    found = list(entries([acme], "2026-10"))
    monkeypatch.setattr("billing.exports.journal.entries", lambda tenants, month: found * 51)
    with pytest.raises(ExportError, match="this is 2 files: ask for part 1 to 2"):
        read("journal", acme, format="xero")
    parts = [read("journal", acme, format="xero", part=part) for part in ("1", "2")]
    # 50 entries of six lines are 300.
    assert [len(part) for part in parts] == [300, 6]
    assert parts[1] == whole
    with pytest.raises(ExportError, match="part: there are 2"):
        read("journal", acme, format="xero", part="3")
    with pytest.raises(ExportError, match="only xero limits a file"):
        read("journal", acme, part="1")


@pytest.mark.parametrize(
    ("amount", "currency", "form", "said"),
    [
        ("10000000000", "USD", "netsuite", "INV-1 has an amount of more than ten digits"),
        ("1", "EUR", "xero", "xero has no currency, and these are EUR, USD"),
    ],
)
def test_what_a_system_does_not_take_is_refused(
    acme: Tenant, read: Read, monkeypatch: pytest.MonkeyPatch,
    amount: str, currency: str, form: str, said: str,
) -> None:  # fmt: skip
    found = [made(acme, [Decimal(1)], "USD"), made(acme, [Decimal(amount)], currency)]
    monkeypatch.setattr("billing.exports.journal.entries", lambda tenants, month: iter(found))
    with pytest.raises(ExportError, match=said):
        read("journal", acme, format=form)


def made(tenant: Tenant, amounts: list[Decimal], currency: str) -> Entry:
    """An entry that gives these to revenue and takes them from the customer."""
    total = ZERO
    for amount in amounts:
        total = EXACT.add(total, amount)
    lines = [EntryLine(account=account("revenue"), amount=-amount, memo="") for amount in amounts]
    owed = EntryLine(account=account("receivable"), amount=total, memo="", receivable=True)
    return Entry(
        number="INV-1",
        date=date(2026, 10, 31),
        month="2026-10",
        currency=currency,
        tenant=tenant,
        lines=(owed, *lines),
    )


@given(
    coins=st.lists(st.integers(-(10**12), 10**12), min_size=1, max_size=9),
    currency=st.sampled_from(["JPY", "USD", "KWD", "CLF"]),
)
def test_an_entry_in_two_decimals_still_balances(coins: list[int], currency: str) -> None:
    """Dinars have three decimals; what cutting one of them moves is booked as rounding."""
    amounts = [Decimal(coin).scaleb(-minor_units(currency)) for coin in coins]
    fit = fitted(made(Tenant(slug="t"), amounts, currency), 2)
    total = ZERO
    for line in fit.lines:
        assert line.amount == line.amount.quantize(Decimal("0.01"))
        total = EXACT.add(total, line.amount)
    assert total == 0
