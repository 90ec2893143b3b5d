"""Rating a month again that holds a fee, free units, a commitment, a coupon and credit."""

from collections.abc import Callable
from typing import Any

import pytest

from billing.models import Invoice
from metering.ingest import Report
from metering.models import Tenant
from tests.conftest import Events

Run = Callable[..., str]
Send = Callable[[Tenant, list[dict[str, Any]]], Report]

PLAN = """
tenants: [{slug: acme, tax_percent: "10"}]
plans:
  - code: pro
    currency: USD
    valid_from: 2026-01-01
    charges: [{code: outcomes, meter: {metric: succeeded_tasks}, charge: {model: per_unit, unit_amount: "2"}}]
    fees: [{code: base, amount: "30"}]
    minimum_commitment: "62"
    allowances: [{code: starter, charges: [outcomes], units: "10"}]
subscriptions: [{tenant: acme, plan: pro, valid_from: 2026-08-01}]
coupons: [{tenant: acme, code: partner, valid_from: 2026-08-01, months: forever, percent: "10"}]
"""  # noqa: E501 - a charge a line


def billed(invoice: Invoice) -> list[tuple[str, str]]:
    lines = invoice.lines.order_by("position")
    return [(line.code, f"{line.amount:f}") for line in lines if line.amount]


def totals(invoice: Invoice) -> tuple[str, ...]:
    names = ("subtotal", "tax", "total", "credits_applied", "amount_due")
    return tuple(f"{getattr(invoice, name):f}" for name in names)


@pytest.mark.usefixtures("store")
def test_what_follows_from_usage_is_rated_again_with_it(
    apply: Run, event: Events, send: Send, manage: Run
) -> None:
    apply(PLAN)
    acme = Tenant.objects.get(slug="acme")
    manage(
        "grant_credits",
        "--tenant",
        "acme",
        "--amount",
        "50",
        "--key",
        "k",
        "--effective",
        "2026-08-01",
    )
    send(acme, [event.task(f"2026-08-05T00:{n:02}:00Z", f"t{n}") for n in range(20)])
    manage("close_month", "2026-08", "--finalize")
    august = Invoice.objects.get(number="INV-2026-000001")
    # Ten of 20 are free, 10 × 2; with the fee 12 short of 62; 10 % off, 10 % tax.
    assert billed(august) == [
        ("outcomes", "20.00"),
        ("base", "30.00"),
        ("minimum-commitment", "12.00"),
        ("partner", "-6.20"),
    ]
    assert totals(august) == ("55.80", "5.58", "61.38", "50.00", "11.38")

    # At 5 usage alone is 50, and with the fee more than was committed to: 10 % of 80 are off.
    apply(PLAN.replace('"2"}', '"5"}'))
    assert "16.20 USD before tax" in manage("rerate", "INV-2026-000001")
    manage("rerate", "INV-2026-000001", "--separate")
    dearer = Invoice.objects.get(number="INV-2026-000002")
    assert billed(dearer) == [
        ("outcomes", "30.00"),
        ("partner", "-1.80"),
        ("minimum-commitment", "-12.00"),
    ]
    assert totals(dearer) == ("16.20", "1.62", "17.82", "0.00", "17.82")

    # At 1 the commitment is what is owed, as at 2. The next invoice gives back what 5 cost.
    apply(PLAN.replace('"2"}', '"1"}'))
    manage("rerate", "INV-2026-000001", "--book")
    assert "booked already" in manage("rerate", "INV-2026-000001", "--book")
    manage("close_month", "2026-09", "--finalize")
    september = Invoice.objects.get(month="2026-09-01")
    assert billed(september) == [
        ("base", "30.00"),
        ("minimum-commitment", "32.00"),
        ("partner", "-6.20"),
        ("outcomes", "-40.00"),
        ("minimum-commitment", "22.00"),
        ("partner", "1.80"),
    ]
    assert totals(september) == ("39.60", "3.96", "43.56", "0.00", "43.56")
    for number in ("INV-2026-000001", "INV-2026-000002", "INV-2026-000003"):
        assert "is right to the cent" in manage("verify_invoice", number)
    assert "0.00 USD before tax" in manage("rerate", "INV-2026-000001")
