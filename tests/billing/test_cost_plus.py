"""Charges on what the operator paid, and on tokens that were not wasted: in cents."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.core.management.base import CommandError

from billing import queries
from billing.models import Invoice
from billing.rating.money import ZERO
from metering.ingest import Report
from metering.models import Tenant
from metering.usage.period import range_period
from tests.conftest import Events

Run = Callable[..., str]
Send = Callable[[Tenant, list[dict[str, Any]]], Report]
Amounts = Callable[[str], list[tuple[str, str, str]]]

pytestmark = pytest.mark.usefixtures("store")

PLAN = """
tenants: [{slug: acme, plan: plus}]
plans:
  - code: plus
    currency: USD
    valid_from: 2026-01-01
    charges:
      - {code: at-cost, meter: {metric: cost}, charge: {model: percentage, rate_percent: "120"}}
      - {code: useful, meter: {metric: effective_tokens}, charge: {model: per_unit, unit_amount: "0.001"}}
prices:
  - {model: big, valid_from: 2026-01-01, currency: USD, per: 1000, input: "1", cache_read: "0.1", output: "4"}
  - {model: big, valid_from: 2026-10-16, currency: USD, per: 1000, input: "2", cache_read: "0.1", output: "4"}
  - {model: big, above_prompt_tokens: 5000, valid_from: 2026-01-01, currency: USD, per: 1000, input: "3", output: "4"}
  - {tool: search, valid_from: 2026-01-01, currency: USD, per_unit: "0.25"}
"""  # noqa: E501 - a price a line


@pytest.fixture
def acme(apply: Run) -> Tenant:
    apply(PLAN)
    return Tenant.objects.get(slug="acme")


def test_a_markup_on_cost_takes_the_price_of_each_day_and_prompt(
    acme: Tenant, event: Events, send: Send, manage: Run, amounts: Amounts
) -> None:
    send(
        acme,
        [
            event.tokens("2026-10-15T23:59:59Z", "big", input_tokens=1000),
            event.tokens("2026-10-16T00:00:00Z", "big", input_tokens=1000),
            event.tokens("2026-10-16T00:00:00Z", "big", input_tokens=5001),
            event("agent.tool", "2026-10-16T00:00:00Z", tool="search"),
        ],
    )
    manage("close_month", "2026-10", "--finalize")
    # 1 + 2 + 5.001 × 3 + 0.25 = 18.253, of it 120 %; and 7001 tokens × 0.001.
    assert amounts("2026-10") == [("at-cost", "18.253", "21.90"), ("useful", "7001", "7.00")]
    assert "is right to the cent" in manage("verify_invoice", "INV-2026-000001")


def test_an_invoice_is_proved_by_the_prices_it_was_made_from(
    acme: Tenant, apply: Run, event: Events, send: Send, manage: Run
) -> None:
    send(acme, [event.tokens("2026-10-15T00:00:00Z", "big", input_tokens=1000)])
    manage("close_month", "2026-10", "--finalize")
    apply(PLAN.replace('input: "1"', 'input: "7"'))
    assert "is right to the cent" in manage("verify_invoice", "INV-2026-000001")


def test_cost_plus_on_a_model_without_a_price_waits_for_one(
    acme: Tenant, apply: Run, event: Events, send: Send, manage: Run, amounts: Amounts
) -> None:
    send(acme, [event.tokens("2026-10-15T00:00:00Z", "new", input_tokens=1000)])
    with pytest.raises(CommandError):
        manage("close_month", "2026-10", "--finalize")
    assert Invoice.objects.get().unpriced == ["at-cost: new has no price in the cost book"]
    # Free is an explicit 0.
    apply(
        'prices: [{model: new, valid_from: 2026-01-01, currency: USD, per: 1, input: "0"}]',
    )
    manage("close_month", "2026-10", "--finalize")
    assert amounts("2026-10") == [("useful", "1000", "1.00")]


def test_late_usage_of_a_model_that_had_no_price_takes_todays(
    acme: Tenant, apply: Run, event: Events, send: Send, manage: Run
) -> None:
    manage("close_month", "2026-09", "--finalize")
    send(acme, [event.tokens("2026-09-15T00:00:00Z", "new", input_tokens=1000)])
    manage("close_month", "2026-10")
    assert Invoice.objects.get(month="2026-10-01").unpriced == [
        "2026-09: at-cost: new has no price in the cost book"
    ]
    apply(
        'prices: [{model: new, valid_from: 2026-01-01, currency: USD, per: 1000, input: "5"}]',
    )
    manage("close_month", "2026-10", "--finalize")
    lines = Invoice.objects.get(month="2026-10-01").lines.order_by("position")
    # 5 × 120 %, and 1000 tokens × 0.001.
    assert [(line.code, f"{line.amount:f}") for line in lines] == [
        ("at-cost", "6.00"),
        ("useful", "1.00"),
    ]
    for number in ("INV-2026-000001", "INV-2026-000002"):
        assert "is right to the cent" in manage("verify_invoice", number)


def test_spend_by_day_tells_useful_work_from_waste(
    acme: Tenant, event: Events, send: Send, roll: Callable[[Tenant], int]
) -> None:
    blocks: dict[str, Any] = {"prefix_blocks": ["p"], "block_tokens": 500}
    send(
        acme,
        [
            event.task("2026-10-03T00:00:00Z", "lost", status="failed"),
            event.tokens("2026-10-01T00:00:00Z", "big", input_tokens=1000, **blocks),
            event.tokens("2026-10-01T01:00:00Z", "big", input_tokens=1000, **blocks),
            event.tokens("2026-10-01T02:00:00Z", "big", input_tokens=100, attempt=3),
            event.tokens("2026-10-01T03:00:00Z", "big", task="lost", output_tokens=10),
            event.tokens("2026-10-03T00:00:00Z", "new", input_tokens=1),
        ],
    )
    roll(acme)
    period = range_period(date(2026, 10, 1), date(2026, 10, 4), "UTC")
    first, second, third = queries.spend_by_day(acme, period)
    # 1000 and half of the second 1000 were of use; the other half had been computed an hour before.
    assert (first.useful, first.repeated) == (Decimal("1.5"), Decimal("0.5"))
    assert (first.retried, first.failed) == (Decimal("0.1"), Decimal("0.04"))
    assert (second.date, second.useful, second.unpriced) == (date(2026, 10, 2), ZERO, [])
    assert third.unpriced == ["new"]
