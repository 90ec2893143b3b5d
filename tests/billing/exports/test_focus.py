"""The FOCUS file: the rules of the specification, and a month in dates and cents."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing.exports.focus_columns import COLUMNS
from billing.exports.focus_units import focus_unit
from billing.invoicing import draft_invoice, finalize_invoice
from billing.models import Invoice, InvoiceLine
from billing.rating.money import EXACT, ZERO, round_money
from metering.ingest import Report
from metering.models import Tenant
from tests.billing.exports import focus_rules
from tests.conftest import Events

Read = Callable[..., list[dict[str, str]]]
Send = Callable[[Tenant, list[dict[str, Any]]], Report]
MONTH = datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)


def billed(rows: list[dict[str, str]]) -> Decimal:
    total = ZERO
    for row in rows:
        total = EXACT.add(total, Decimal(row["BilledCost"]))
    return total


def test_a_month_in_dates_and_cents(acme: Tenant, read: Read) -> None:
    """The invoice is in cents, the rows are exact.

    Tokens: 1000 × 0.000123 = 0.123, 500 × 0.00001 = 0.005, 0.25 flat, less 10 % of 0.378, 0.0378.
    Agents: 3 days × 0.05 = 0.15, and 0.85 more to the commitment of 1.
    Outcomes: 2 packages × 0.03 = 0.06, and 0.44 more to the minimum of 0.5.
    Searches: a third × 0.02 = 0.00666…
    """
    invoice = finalize_invoice(draft_invoice(acme, "2026-10"))
    rows = read("focus", acme)
    assert focus_rules.broken(rows) == []
    assert {row["InvoiceId"] for row in rows} == {"INV-2026-000001"}
    assert billed(rows) == invoice.total
    told = [
        (row["ChargeCategory"], row["x_LineCode"], row["PricingQuantity"], row["BilledCost"])
        for row in rows
    ]
    third = "0.3" + "3" * 59
    assert told == [
        ("Usage", "input-tokens", "1000.0", "0.123"),
        ("Usage", "input-tokens", "500.0", "0.005"),
        ("Usage", "input-tokens", "1.0", "0.25"),
        ("Credit", "input-tokens", "", "-0.0378"),
        ("Usage", "agents", "3.0", "0.15"),
        ("Usage", "agents", "1.0", "0.85"),
        ("Usage", "outcomes", "2.0", "0.06"),
        ("Adjustment", "outcomes", "", "0.44"),
        ("Usage", "searches", third, "0.00" + "6" * 60),
        # 0.12 + 0.01 + 0.25 − 0.04 + 0.15 + 0.85 + 0.06 + 0.44 + 0.01 = 1.85, less the exact ones
        ("Adjustment", "", "", rows[9]["BilledCost"]),
        ("Tax", "", "", "0.11"),
    ]
    assert rows[0]["BillingPeriodStart"] == "2026-10-01T00:00:00Z"
    assert rows[0]["BillingPeriodEnd"] == "2026-11-01T00:00:00Z"
    assert (rows[0]["ResourceId"], rows[0]["ResourceType"]) == ("ada", "Agent")
    assert rows[0]["Tags"] == '{"team": "=core"}'
    assert (rows[0]["x_TokenClass"], rows[0]["x_TokenCount"]) == ("input_tokens", "1000.0")
    assert rows[0]["SkuPriceId"] == "pro/2026-01-01/input-tokens/tier-1"
    assert (rows[0]["ServiceSubcategory"], rows[0]["PricingUnit"]) == ("Generative AI", "Tokens")
    assert (rows[4]["PricingUnit"], rows[4]["x_AgentDays"]) == ("Agent-Days", "3.0")
    assert (rows[5]["CommitmentDiscountStatus"], rows[5]["PricingCategory"]) == (
        "Unused",
        "Committed",
    )
    assert (rows[8]["PricingUnit"], rows[8]["x_Tool"]) == ("3 Units", "search")


def test_of_a_draft_there_is_no_invoice_id(acme: Tenant, read: Read) -> None:
    draft = draft_invoice(acme, "2026-10")
    rows = read("focus", acme)
    assert {(row["InvoiceId"], row["x_InvoiceStatus"]) for row in rows} == {("", "draft")}
    assert billed(rows) == draft.total


def test_what_came_late_is_a_correction_of_the_month_it_belongs_to(
    acme: Tenant, read: Read, send: Send, event: Events
) -> None:
    """100 more tokens for 2 October: 100 × 0.00001, less 10 %; no cent, but the next tier's."""
    finalize_invoice(draft_invoice(acme, "2026-10"))
    late = event.tokens("2026-10-02T12:30:00Z", "a", input_tokens=600_000, labels={"team": "=core"})
    send(acme, [late])
    november = draft_invoice(acme, "2026-11")
    rows = read("focus", acme, "2026-11")
    assert focus_rules.broken(rows) == []
    assert billed(rows) == november.total
    corrections = [row for row in rows if row["ChargeClass"] == "Correction"]
    assert {row["x_CorrectedInvoiceId"] for row in corrections} == {"INV-2026-000001"}
    assert {row["ChargePeriodStart"] for row in corrections} == {"2026-10-01T00:00:00Z"}
    assert {row["BillingPeriodStart"] for row in corrections} == {"2026-11-01T00:00:00Z"}
    # 600,000 × 0.00001 = 6, less 0.60
    assert sorted(row["BilledCost"] for row in corrections) == ["-0.6", "6.0"]


def test_the_columns_are_those_of_the_version(acme: Tenant, read: Read) -> None:
    draft_invoice(acme, "2026-10")
    older, newer = (read("focus", acme, focus_version=v)[0] for v in ("1.2", "1.3"))
    assert tuple(older) == COLUMNS["1.2"]
    assert len([name for name in older if not name.startswith("x_")]) == 57
    assert len([name for name in newer if not name.startswith("x_")]) == 65
    assert newer["HostProviderName"] == newer["ServiceProviderName"] == older["ProviderName"]
    assert {name: newer[name] for name in older} == older


@pytest.mark.parametrize(
    ("unit", "written"),
    [
        ("token", "Tokens"),
        ("chip-second", "Chip-Seconds"),
        ("1000 tokens", "1000 Tokens"),
        ("look-up", "Lookups"),
        ("cold start", "Cold Starts"),
        ("ms", "Milliseconds"),
        ("USD", "USD"),
        ("", "Units"),
    ],
)
def test_a_unit_is_written_as(unit: str, written: str) -> None:
    assert focus_unit(unit) == written


exact = st.decimals(-(10**12), 10**12, allow_nan=False, allow_infinity=False, places=15)
quantities = st.decimals(0, 10**15, allow_nan=False, allow_infinity=False, places=6)
prices = st.decimals(0, 10**6, allow_nan=False, allow_infinity=False, places=12)
kinds = st.sampled_from(InvoiceLine.Kind.values)


@st.composite
def some_lines(draw: st.DrawFn, currency: str) -> list[InvoiceLine]:
    lines = []
    for position in range(1, draw(st.integers(1, 8)) + 1):
        unit_amount = draw(st.none() | prices)
        quantity = draw(quantities)
        amount = draw(exact) if unit_amount is None else EXACT.multiply(quantity, unit_amount)
        kind = draw(kinds)
        keys = ("units", "tier-2", "tier-2-flat", "discount", "minimum", "true-up")
        lines.append(
            InvoiceLine(
                position=position,
                kind=kind,
                code=draw(st.sampled_from(["input-tokens", "agents", "platform"])),
                key=draw(st.sampled_from(keys)),
                description=draw(st.text("ab=;\n", max_size=5)),
                quantity=quantity,
                unit=draw(st.sampled_from(["token", "", "agent-day", "1000 tokens"])),
                unit_amount=unit_amount,
                exact_amount=amount,
                amount=round_money(amount, currency),
                group=draw(st.dictionaries(st.sampled_from(["agent", "labels.x"]), st.text("a="))),
                period_start=MONTH[0],
                period_end=MONTH[1],
            )
        )
    return lines


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), currency=st.sampled_from(["USD", "JPY", "KWD"]))
def test_any_invoice_keeps_the_rules_and_its_total(
    acme: Tenant, read: Read, data: st.DataObject, currency: str
) -> None:
    lines = data.draw(some_lines(currency))
    subtotal = sum((line.amount for line in lines), round_money(ZERO, currency))
    tax = round_money(data.draw(exact), currency)
    with transaction.atomic():
        invoice = draft_invoice(acme, "2026-10")
        invoice.currency, invoice.subtotal, invoice.tax = currency, subtotal, tax
        invoice.total = EXACT.add(subtotal, tax)
        invoice.save()
        invoice.lines.all().delete()
        for line in lines:
            line.invoice = invoice
        InvoiceLine.objects.bulk_create(lines)
        Invoice.objects.filter(pk=invoice.pk).update(status="finalized", number="INV-1")
        rows = read("focus", acme)
        transaction.set_rollback(True)
    assert focus_rules.broken(rows) == []
    assert billed(rows) == invoice.total
