"""FOCUS of a month with all that a plan holds: fees, a coupon, commitments, free units."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from billing.invoicing import draft_invoice, finalize_invoice
from billing.rating.money import EXACT, ZERO
from metering.ingest import Report
from metering.models import Tenant
from tests.billing.exports import focus_rules
from tests.conftest import Events

Read = Callable[..., list[dict[str, str]]]
Send = Callable[[Tenant, list[dict[str, Any]]], Report]

PLAN = """
plans:
  - code: pro
    currency: USD
    valid_from: 2026-01-01
    fees:
      - {code: seats, amount: "60", interval: month, in_advance: true, prorate: day}
      - {code: support, amount: "31", interval: month, prorate: day}
    minimum_commitment: "500"
    allowances: [{code: starter, charges: [tokens], units: "1000", prorate: none}]
    charges:
      - {code: tokens, meter: {type: agent.tokens, value: input_tokens}, charge: {model: per_unit, unit_amount: "0.003"}}
      - {code: agents, meter: {metric: delivering_agent_days}, charge: {model: per_unit, unit_amount: "0.05", commitment: {amount: "1", true_up: true}}}
      - {code: outcomes, meter: {metric: succeeded_tasks}, charge: {model: package, package_size: "2", package_amount: "0.03", minimum_amount: "0.5"}}
tenants: [{slug: acme, name: "Acme, Inc.", tax_percent: "6"}]
subscriptions: [{tenant: acme, plan: pro, valid_from: 2026-10-01}]
coupons: [{tenant: acme, code: launch, valid_from: 2026-10-01, months: 1, percent: "10"}]
"""  # noqa: E501 - a charge a line


@pytest.fixture
def closed(apply: Callable[..., str], store: None, send: Send, event: Events) -> Tenant:
    """October: 1500 tokens and a task."""
    apply(PLAN)
    tenant = Tenant.objects.get(slug="acme")
    send(
        tenant,
        [
            event.task("2026-10-02T12:00:00Z", "t1"),
            event.tokens("2026-10-02T12:00:00Z", "a", input_tokens=1500),
        ],
    )
    return tenant


def test_a_closed_month_of_a_whole_plan_keeps_every_rule(closed: Tenant, read: Read) -> None:
    """Seats of October and November 60 each, support 31; 500 tokens × 0.003 = 1.50, 1000 free.

    Agents 0.05, to their commitment 0.95; outcomes 0.03, to their minimum 0.47. Of October that is
    60 + 31 + 1.50 + 1 + 0.50 = 94, so 406 more are owed of 500; with November's seats 560 in all,
    of which the coupon takes a tenth, and tax of 6 % is 30.24 of 504.
    """
    invoice = finalize_invoice(draft_invoice(closed, "2026-10"))
    rows = read("focus", closed)
    assert focus_rules.broken(rows) == []
    assert focus_rules.broken(read("focus", closed, focus_version="1.3")) == []
    total = ZERO
    for row in rows:
        total = EXACT.add(total, Decimal(row["BilledCost"]))
    assert total == invoice.total == Decimal("534.24")
    told = sorted(
        (row["ChargeCategory"], row["x_LineCode"], row["PricingQuantity"], row["BilledCost"])
        for row in rows
    )
    assert told == [
        ("Adjustment", "outcomes", "", "0.47"),
        ("Credit", "launch", "", "-56.0"),
        ("Purchase", "seats", "1.0", "60.0"),
        ("Purchase", "seats", "1.0", "60.0"),
        ("Purchase", "support", "1.0", "31.0"),
        ("Tax", "", "", "30.24"),
        ("Usage", "agents", "1.0", "0.05"),
        ("Usage", "agents", "1.0", "0.95"),
        ("Usage", "minimum-commitment", "1.0", "406.0"),
        ("Usage", "outcomes", "1.0", "0.03"),
        ("Usage", "tokens", "1000.0", "0.0"),
        ("Usage", "tokens", "500.0", "1.5"),
    ]
    seats = [row["ChargePeriodStart"] for row in rows if row["x_LineCode"] == "seats"]
    assert sorted(seats) == ["2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z"]
