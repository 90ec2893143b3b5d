"""Fees, commitments, coupons and allowances on invoices, in dates and cents."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from django.test import Client

from billing.models import Invoice, InvoiceLine
from metering.ingest import Report
from metering.models import Tenant
from tests.conftest import Events

Run = Callable[..., str]
Send = Callable[[Tenant, list[dict[str, Any]]], Report]
Close = Callable[..., list[tuple[str, str, str]]]
Api = Callable[[Tenant], Client]

pytestmark = pytest.mark.usefixtures("store")

BASIC = """
  - code: basic
    currency: USD
    valid_from: 2026-01-01
    charges: [{code: outcomes, meter: {metric: succeeded_tasks}, charge: {model: per_unit, unit_amount: "1"}}]
    fees: [{code: base, amount: "100", %s}]
  - code: pro
    currency: USD
    valid_from: 2026-01-01
    charges: [{code: outcomes, meter: {metric: succeeded_tasks}, charge: {model: per_unit, unit_amount: "0.5"}}]
    fees: [{code: base, amount: "200", %s}]
"""  # noqa: E501 - a charge a line


def plans(fee: str) -> str:
    return f"plans:{BASIC % (fee, fee)}"


@pytest.fixture
def close(manage: Run) -> Close:
    """Finalize a month on the second day after it, prove it, and give (code, key, amount)s."""

    def run(month: str, *, prove: bool = True) -> list[tuple[str, str, str]]:
        year, number = int(month[:4]), int(month[5:])
        after = datetime(year + number // 12, number % 12 + 1, 2, 12, tzinfo=UTC)
        with time_machine.travel(after, tick=True):
            manage("close_month", month, "--finalize")
        invoices = Invoice.objects.filter(month=f"{month}-01", number__isnull=False)
        if prove:
            for invoice in invoices:
                assert "is right to the cent" in manage("verify_invoice", str(invoice.number))
        lines = InvoiceLine.objects.filter(invoice__in=invoices.exclude(status="void"))
        return [
            (line.code, line.key, f"{line.amount:f}")
            for line in lines.order_by("invoice", "position")
            if line.amount
        ]

    return run


def test_in_arrears_a_fee_is_on_the_invoice_of_its_month_for_the_days_of_it(
    apply: Run, close: Close
) -> None:
    apply(
        plans("in_advance: false")
        + "tenants: [{slug: acme}]\n"
        + "subscriptions: [{tenant: acme, plan: basic, valid_from: 2026-08-10, ends: 2026-10-16}]"
    )
    # 22 of August's 31 days: 70.967…; all of September; 15 of October's 31 days: 48.387….
    assert close("2026-08") == [("base", "2026-08-01", "70.97")]
    assert close("2026-09") == [("base", "2026-09-01", "100.00")]
    assert close("2026-10") == [("base", "2026-10-01", "48.39")]
    assert close("2026-11") == []
    assert not Invoice.objects.filter(month="2026-11-01").exists()


def test_in_advance_a_fee_is_billed_before_its_month_and_the_first_one_with_it(
    apply: Run, close: Close
) -> None:
    apply(
        plans("in_advance: true")
        + "tenants: [{slug: acme}]\n"
        + "subscriptions: [{tenant: acme, plan: basic, valid_from: 2026-08-10}]"
    )
    assert close("2026-07") == [("base", "2026-08-01", "70.97")]
    assert close("2026-08") == [("base", "2026-09-01", "100.00")]
    assert close("2026-09") == [("base", "2026-10-01", "100.00")]


def test_a_fee_in_advance_that_no_invoice_before_had_is_billed_with_its_month(
    apply: Run, close: Close
) -> None:
    apply(plans("in_advance: true") + "tenants: [{slug: acme, plan: basic}]")
    assert close("2026-08") == [("base", "2026-08-01", "100.00"), ("base", "2026-09-01", "100.00")]


@pytest.mark.parametrize("fee", ["in_advance: false", "in_advance: true", "interval: year"])
def test_a_month_made_anew_after_the_next_one_bills_what_it_billed(
    apply: Run, close: Close, manage: Run, fee: str
) -> None:
    dates = "valid_from: 2025-09-01" if "year" in fee else "valid_from: 2026-08-01"
    text = plans(fee).replace("2026-01-01", "2025-01-01")
    apply(
        f"{text}tenants: [{{slug: acme}}]\nsubscriptions: [{{tenant: acme, plan: basic, {dates}}}]"
    )
    first, second = close("2026-07"), close("2026-08")
    for month, billed in (("2026-07", first), ("2026-08", second), ("2026-07", first)):
        for invoice in Invoice.objects.filter(month=f"{month}-01").exclude(status="void"):
            manage("invoice", str(invoice.number), "--void", "wrong address")
        assert close(month) == billed


def test_an_upgrade_in_the_month_credits_the_unused_part_of_the_fee(
    apply: Run, close: Close
) -> None:
    both = plans("in_advance: true") + "tenants: [{slug: acme}]\nsubscriptions:\n"
    apply(both + "- {tenant: acme, plan: basic, valid_from: 2026-09-01}")
    assert close("2026-08") == [("base", "2026-09-01", "100.00")]
    assert close("2026-09") == [("base", "2026-10-01", "100.00")]
    apply(both + "- {tenant: acme, plan: pro, valid_from: 2026-10-16}")
    # Basic: 15 of 31 days are 48.39, so 51.61 of 100 are given back. Pro: 16 of 31 days of 200.
    assert close("2026-10") == [
        ("base", "2026-10-01-adjusted", "-51.61"),
        ("base", "2026-10-01", "103.23"),
        ("base", "2026-11-01", "200.00"),
    ]
    credit, rest, _ = InvoiceLine.objects.filter(invoice__month="2026-10-01").order_by("position")
    assert credit.description == "Base · basic · unused, of 100.00 USD billed before"
    assert f"{credit.period_start:%F} {credit.period_end:%F}" == "2026-10-16 2026-11-01"
    assert rest.description == "Base · pro · 16 of 31 days at 200"
    assert {line.kind for line in (credit, rest)} == {"fee"}
    assert close("2026-11") == [("base", "2026-12-01", "200.00")]


def test_a_cancellation_gives_back_what_was_billed_in_advance(apply: Run, close: Close) -> None:
    start = plans("in_advance: true") + "tenants: [{slug: acme}]\nsubscriptions:\n"
    apply(start + "- {tenant: acme, plan: basic, valid_from: 2026-09-01}")
    close("2026-08")
    close("2026-09")
    # From the first of October on: all of it is given back, though no plan is left to invoice.
    apply(start + "- {tenant: acme, plan: basic, valid_from: 2026-09-01, ends: 2026-10-01}")
    assert close("2026-10") == [("base", "2026-10-01-adjusted", "-100.00")]
    assert Invoice.objects.get(month="2026-10-01").number == "CN-2026-000001"
    assert close("2026-11") == []


@pytest.mark.parametrize(
    ("prorate", "amount"),
    [
        # March has 31 dates and 30 days and 23 hours in Berlin; the 29th is the short one.
        # 3 of 31 dates; 71 of 743 hours; a started month.
        ("day", "9.68"),
        ("second", "9.56"),
        ("none", "100.00"),
    ],
)
def test_days_and_seconds_differ_where_the_clock_is_shifted(
    apply: Run, close: Close, prorate: str, amount: str
) -> None:
    apply(
        plans(f"prorate: {prorate}")
        + "tenants: [{slug: acme, timezone: Europe/Berlin}]\n"
        + "subscriptions: [{tenant: acme, plan: basic, valid_from: 2026-03-29}]"
    )
    assert close("2026-03") == [("base", "2026-03-01", amount)]


def test_a_leap_day_is_a_day(apply: Run, close: Close) -> None:
    apply(
        plans("prorate: day").replace("2026-01-01", "2024-01-01")
        + "tenants: [{slug: acme}]\n"
        + "subscriptions: [{tenant: acme, plan: basic, valid_from: 2024-02-29}]"
    )
    # 1 of 29 days.
    assert close("2024-02") == [("base", "2024-02-01", "3.45")]
    assert close("2024-03") == [("base", "2024-03-01", "100.00")]


def test_a_year_is_paid_once_and_given_back_by_the_day(apply: Run, close: Close) -> None:
    text = plans("in_advance: true, interval: year").replace("2026-01-01", "2025-01-01")
    text = text.replace('"100"', '"1200"')
    start = text + "tenants: [{slug: acme}]\nsubscriptions:\n"
    apply(start + "- {tenant: acme, plan: basic, valid_from: 2025-11-16}")
    assert close("2025-10") == [("base", "2025-11-16-year", "1200.00")]
    assert close("2025-11") == []
    # 2025-11-16 to 2026-03-01 are 105 days: 1200 × 105 / 365 = 345.205…, so 854.79 go back.
    apply(start + "- {tenant: acme, plan: basic, valid_from: 2025-11-16, ends: 2026-03-01}")
    for month in ("2025-12", "2026-01"):
        close(month)
    assert Invoice.objects.filter(month="2025-12-01").get().number == "CN-2025-000001"
    lines = InvoiceLine.objects.filter(kind="fee").order_by("pk")
    assert [f"{line.amount:f}" for line in lines] == ["1200.00", "-854.79"]


def test_a_year_in_arrears_falls_due_when_it_ends(apply: Run, close: Close) -> None:
    text = plans("interval: year").replace("2026-01-01", "2025-01-01").replace('"100"', '"1200"')
    apply(
        text
        + "tenants: [{slug: acme}]\n"
        + "subscriptions: [{tenant: acme, plan: basic, valid_from: 2025-09-01, ends: 2026-11-01}]"
    )
    assert close("2026-07") == []
    assert close("2026-08") == [("base", "2025-09-01-year", "1200.00")]
    # September and October: 61 of 365 days.
    assert close("2026-09") == []
    assert close("2026-10") == [("base", "2026-09-01-year", "200.55")]


def test_a_change_that_reaches_back_into_an_invoiced_month_is_corrected(
    apply: Run, close: Close, event: Events, send: Send
) -> None:
    both = plans("in_advance: false") + "tenants: [{slug: acme}]\nsubscriptions:\n"
    apply(both + "- {tenant: acme, plan: basic, valid_from: 2026-08-01}")
    acme = Tenant.objects.get(slug="acme")
    send(acme, [event.task(f"2026-09-{day}T12:00:00Z", f"t{day}") for day in ("05", "20", "25")])
    assert close("2026-08") == [("base", "2026-08-01", "100.00")]
    assert close("2026-09") == [("outcomes", "units", "3.00"), ("base", "2026-09-01", "100.00")]
    apply(both + "- {tenant: acme, plan: pro, valid_from: 2026-09-16}")
    # Of September: one task at 1, two at 0.50; half of each fee. 3 → 1 + 1, 100 → 50 + 100.
    assert close("2026-10") == [
        ("base", "2026-10-01", "200.00"),
        ("outcomes", "units", "-2.00"),
        ("outcomes", "units", "1.00"),
        ("base", "2026-09-01", "-50.00"),
        ("base", "2026-09-01", "100.00"),
    ]
    assert close("2026-11") == [("base", "2026-11-01", "200.00")]


def test_a_version_that_changes_the_fee_within_a_month_owes_both_parts(
    apply: Run, close: Close
) -> None:
    version = """plans:
  - {code: basic, currency: USD, valid_from: %s, charges: [], fees: [{code: base, amount: "%s"}]}
"""
    apply(version % ("2026-01-01", "31") + "tenants: [{slug: acme, plan: basic}]")
    apply(version % ("2026-08-11", "62"))
    # 10 days at 1 and 21 at 2 a day.
    assert close("2026-08") == [("base", "2026-08-01", "10.00"), ("base", "2026-08-01", "42.00")]
