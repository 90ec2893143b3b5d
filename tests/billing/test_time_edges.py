"""Clocks that shift, zones that change, months that end: what is billed, in dates and cents."""

from collections.abc import Callable
from typing import Any

import pytest

from billing.models import Invoice, InvoiceLine
from metering.ingest import Report
from metering.models import Tenant
from tests.conftest import Events

Run = Callable[..., str]
Send = Callable[[Tenant, list[dict[str, Any]]], Report]
Close = Callable[[str], list[tuple[str, str, str]]]

pytestmark = pytest.mark.usefixtures("store")

PLANS = """
plans:
  - code: basic
    currency: USD
    valid_from: 2023-01-01
    charges: [{code: outcomes, meter: {metric: succeeded_tasks}, charge: {model: per_unit, unit_amount: "1"}}]
    fees: [{code: base, amount: "100", prorate: %s}]
  - code: pro
    currency: USD
    valid_from: 2023-01-01
    charges: [{code: outcomes, meter: {metric: succeeded_tasks}, charge: {model: per_unit, unit_amount: "0.5"}}]
tenants: [{slug: acme, timezone: %s}]
subscriptions:
"""  # noqa: E501 - a charge a line


@pytest.fixture
def close(manage: Run) -> Close:
    """Finalize a month, prove it, and give what it bills for what."""

    def run(month: str) -> list[tuple[str, str, str]]:
        manage("close_month", month, "--finalize")
        invoice = Invoice.objects.filter(month=f"{month}-01").first()
        if invoice is None:
            return []
        assert "is right to the cent" in manage("verify_invoice", str(invoice.number))
        lines = InvoiceLine.objects.filter(invoice=invoice).order_by("position")
        return [(x.code, f"{x.quantity:f}", f"{x.amount:f}") for x in lines if x.amount]

    return run


def outcomes(event: Events, *times: str) -> list[dict[str, Any]]:
    return [event.task(time, f"t-{time}") for time in times]


@pytest.mark.parametrize(
    ("prorate", "line"),
    [
        # October has 745 hours in Berlin. From the 25th on, the long day: 7 × 24 + 1 = 169 hours.
        ("second", ("base", "608400", "22.68")),
        ("day", ("base", "7", "22.58")),
    ],
)
def test_a_fee_from_the_long_day_on(apply: Run, close: Close, prorate: str, line: Any) -> None:
    text = PLANS % (prorate, "Europe/Berlin")
    apply(text + "- {tenant: acme, plan: basic, valid_from: 2026-10-25}")
    assert close("2026-10") == [line]


def test_who_comes_on_the_last_day_of_january_pays_it_and_then_whole_months(
    apply: Run, close: Close
) -> None:
    apply(PLANS % ("day", "UTC") + "- {tenant: acme, plan: basic, valid_from: 2024-01-31}")
    # 1 of 31 days; February has 29 in 2024.
    assert close("2024-01") == [("base", "1", "3.23")]
    assert close("2024-02") == [("base", "1", "100.00")]
    assert close("2024-03") == [("base", "1", "100.00")]


def test_who_leaves_on_the_leap_day_has_it_no_more(
    apply: Run, close: Close, event: Events, send: Send
) -> None:
    dates = "- {tenant: acme, plan: basic, valid_from: 2024-02-01, ends: 2024-02-29}"
    apply(PLANS % ("day", "UTC") + dates)
    send(
        Tenant.objects.get(slug="acme"),
        outcomes(event, "2024-02-28T23:59:59.999Z", "2024-02-29T00:00:00Z"),
    )
    # 28 of 29 days.
    assert close("2024-02") == [("outcomes", "1", "1.00"), ("base", "28", "96.55")]
    assert close("2024-03") == []


def test_the_last_day_before_a_cancellation_is_billed_to_its_last_millisecond(
    apply: Run, close: Close, event: Events, send: Send
) -> None:
    text = PLANS % ("day", "America/New_York")
    apply(text + "- {tenant: acme, plan: basic, valid_from: 2026-10-01, ends: 2026-10-31}")
    times = ("03:59:59.999", "04:00:00", "04:00:00.001")
    acme = Tenant.objects.get(slug="acme")
    # New York is 4 hours behind: its month begins and its last day ends at 04:00.
    send(acme, outcomes(event, *(f"2026-10-{day}T{t}Z" for day in ("01", "31") for t in times)))
    assert close("2026-10") == [("outcomes", "3", "3.00"), ("base", "30", "96.77")]
    # Closed after October, September gives nothing of October's fee back.
    assert close("2026-09") == []


def test_a_change_of_plan_splits_at_the_millisecond_of_the_local_midnight(
    apply: Run, close: Close, event: Events, send: Send
) -> None:
    apply(
        PLANS % ("day", "Europe/Berlin")
        + "- {tenant: acme, plan: basic, valid_from: 2026-10-01}\n"
        + "- {tenant: acme, plan: pro, valid_from: 2026-10-16}\n"
    )
    times = ("21:59:59.999", "22:00:00", "22:00:00.001")
    send(Tenant.objects.get(slug="acme"), outcomes(event, *(f"2026-10-15T{t}Z" for t in times)))
    # One on the 15th at 1, two on the 16th at 0.50; 15 of 31 days of the fee.
    assert close("2026-10") == [
        ("outcomes", "1", "1.00"),
        ("outcomes", "2", "1.00"),
        ("base", "15", "48.39"),
    ]


@pytest.mark.parametrize(
    ("zones", "billed"),
    [
        # August ended in Berlin at 22:00; in New York September would begin six hours later.
        (("Europe/Berlin", "America/New_York"), ("1", "3")),
        # August ended in New York at 04:00; in Shanghai September began twelve hours before.
        (("America/New_York", "Asia/Shanghai"), ("3", "1")),
    ],
)
def test_a_tenant_that_moves_is_billed_every_outcome_once(
    apply: Run, close: Close, event: Events, send: Send,
    zones: tuple[str, str], billed: tuple[str, str],
) -> None:  # fmt: skip
    (before, after), (august, september) = zones, billed
    dates = "- {tenant: acme, plan: basic, valid_from: 2026-08-01}"
    apply(PLANS % ("day", before) + dates)
    times = ("08-31T21:59:59.999", "08-31T22:00:00", "09-01T03:59:59.999", "09-01T04:00:00")
    send(Tenant.objects.get(slug="acme"), outcomes(event, *(f"2026-{time}Z" for time in times)))
    assert close("2026-08") == [("outcomes", august, f"{august}.00"), ("base", "1", "100.00")]
    apply(PLANS % ("day", after) + dates)
    own = close("2026-09")
    assert ("outcomes", september, f"{september}.00") in own
    assert [amount for code, _, amount in own if code == "base"] == ["100.00"]
    assert close("2026-10") == [("base", "1", "100.00")]
