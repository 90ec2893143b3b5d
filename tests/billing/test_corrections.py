"""Usage that arrives after its month was invoiced, and what it changes: in dates and cents."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from billing.models import Invoice, InvoiceLine
from metering.ingest import Report
from metering.models import Tenant
from tests.conftest import Events

Run = Callable[..., str]
Send = Callable[[Tenant, list[dict[str, Any]]], Report]

pytestmark = pytest.mark.usefixtures("store")

PLAN = """
tenants: [{slug: acme, plan: pro}]
plans:
  - code: pro
    currency: USD
    valid_from: 2026-01-01
    charges:
      - code: input-tokens
        meter: {type: agent.tokens, value: input_tokens}
        charge: {model: graduated, tiers: [{up_to: "1000", unit_amount: "0.002"}, {up_to: null, unit_amount: "0.001"}]}
      - {code: outcomes, meter: {metric: succeeded_tasks}, charge: {model: per_unit, unit_amount: "0.50"}}
"""  # noqa: E501 - a charge a line


@pytest.fixture
def acme(apply: Run) -> Tenant:
    apply(PLAN)
    return Tenant.objects.get(slug="acme")


def lines(month: str) -> list[tuple[str, str, str, bool, str]]:
    rows = InvoiceLine.objects.filter(invoice__month=f"{month}-01").order_by("position")
    return [
        (r.code, f"{r.quantity:f}", f"{r.amount:f}", r.correction, f"{r.period_start:%Y-%m}")
        for r in rows
    ]


def test_late_usage_is_a_line_of_the_next_invoice_at_its_own_months_price(
    acme: Tenant, event: Events, send: Send, manage: Run, apply: Run
) -> None:
    send(acme, [event.tokens("2026-08-05T00:00:00Z", input_tokens=900)])
    manage("close_month", "2026-08", "--finalize")
    assert lines("2026-08") == [("input-tokens", "900", "1.80", False, "2026-08")]
    # The price doubles, for September as for a month that is already invoiced: that one keeps its.
    apply(PLAN.replace("0.002", "0.004").replace("0.001", "0.002"))
    send(
        acme,
        [
            event.tokens("2026-08-06T00:00:00Z", input_tokens=300),
            event.tokens("2026-09-06T00:00:00Z", input_tokens=10),
        ],
    )
    manage("close_month", "2026-09", "--finalize")
    # 10 × 0.004; then of August 100 × 0.002 up to 1000 and 200 × 0.001 above it.
    assert lines("2026-09") == [
        ("input-tokens", "10", "0.04", False, "2026-09"),
        ("input-tokens", "100", "0.20", True, "2026-08"),
        ("input-tokens", "200", "0.20", True, "2026-08"),
    ]
    correction = InvoiceLine.objects.exclude(corrects=None).order_by("position")[0]
    assert correction.description == ("Correction of 2026-08: Input tokens · Tier 1: up to 1000")
    for number in ("INV-2026-000001", "INV-2026-000002"):
        assert "is right to the cent" in manage("verify_invoice", number)


def test_what_was_corrected_once_is_not_corrected_again(
    acme: Tenant, event: Events, send: Send, manage: Run
) -> None:
    manage("close_month", "2026-08", "--finalize")
    send(acme, [event.tokens("2026-08-06T00:00:00Z", input_tokens=100)])
    manage("close_month", "2026-09", "--finalize")
    send(acme, [event.tokens("2026-08-07T00:00:00Z", input_tokens=50)])
    manage("close_month", "2026-10", "--finalize")
    assert lines("2026-09") == [("input-tokens", "100", "0.20", True, "2026-08")]
    assert lines("2026-10") == [("input-tokens", "50", "0.10", True, "2026-08")]
    for n in (1, 2, 3):
        assert "is right to the cent" in manage("verify_invoice", f"INV-2026-{n:06d}")


def test_what_was_billed_too_much_is_given_back_by_a_credit_note(
    acme: Tenant, event: Events, send: Send, manage: Run
) -> None:
    send(acme, [event.task("2026-08-31T23:00:00Z", "t1"), event.task("2026-08-05T00:00:00Z", "t2")])
    manage("close_month", "2026-08", "--finalize")
    assert lines("2026-08") == [("outcomes", "2", "1.00", False, "2026-08")]
    # A later event of a task is its outcome from then on: August has one success less.
    send(acme, [event.task("2026-09-01T00:00:00Z", "t1", status="failed")])
    manage("close_month", "2026-09", "--finalize")
    assert lines("2026-09") == [("outcomes", "-1", "-0.50", True, "2026-08")]
    note = Invoice.objects.get(month="2026-09-01")
    assert (note.kind, note.number, f"{note.total:f}") == ("credit_note", "CN-2026-000001", "-0.50")
    assert "is right to the cent" in manage("verify_invoice", "CN-2026-000001")


def test_a_resend_of_an_invoiced_event_corrects_nothing(
    acme: Tenant, event: Events, send: Send, manage: Run
) -> None:
    first = event.tokens("2026-08-05T00:00:00Z", input_tokens=900)
    send(acme, [first])
    manage("close_month", "2026-08", "--finalize")
    send(acme, [first, first | {"time": "2026-09-05T00:00:00Z"}])
    manage("close_month", "2026-09", "--finalize")
    assert lines("2026-09") == []


def test_an_invoice_is_proved_although_plan_zone_and_usage_went_on(
    acme: Tenant, event: Events, send: Send, manage: Run, apply: Run
) -> None:
    send(acme, [event.task("2026-08-05T00:00:00Z", "t1")])
    manage("close_month", "2026-08", "--finalize")
    apply(PLAN.replace("slug: acme", "slug: acme, timezone: Asia/Tokyo").replace("0.50", "9"))
    send(acme, [event.task("2026-08-31T20:00:00Z", "t2")])
    assert "is right to the cent" in manage("verify_invoice", "INV-2026-000001")


def test_no_hour_is_billed_twice_or_left_out_when_a_tenant_moves(
    acme: Tenant, event: Events, send: Send, manage: Run, apply: Run
) -> None:
    # Tokyo's September begins at 2026-08-31T15:00Z, nine hours before that of UTC.
    manage("close_month", "2026-08", "--finalize")
    apply("tenants: [{slug: acme, timezone: Asia/Tokyo}]")
    times = ("2026-08-31T15:00:00Z", "2026-09-01T00:00:00Z", "2026-09-30T15:00:00Z")
    send(acme, [event.tokens(time, input_tokens=100) for time in times])
    manage("close_month", "2026-09", "--finalize")
    manage("close_month", "2026-10", "--finalize")
    assert lines("2026-09") == [
        ("input-tokens", "100", "0.20", False, "2026-09"),
        ("input-tokens", "100", "0.20", True, "2026-08"),
    ]
    assert lines("2026-10") == [("input-tokens", "100", "0.20", False, "2026-09")]


AGENT_DAYS = """
tenants: [{slug: acme, plan: pro, timezone: Asia/Shanghai}]
plans:
  - code: pro
    currency: USD
    valid_from: 2026-01-01
    charges:
      - {code: agents, meter: {metric: delivering_agent_days}, charge: {model: per_unit, unit_amount: "0.05"}}
"""  # noqa: E501 - a charge a line


def test_a_late_task_changes_an_invoiced_day_through_a_correction_alone(
    apply: Run,
    event: Events,
    send: Send,
    manage: Run,
    roll: Callable[[Tenant], int],
    api: Callable[[Tenant], Client],
) -> None:
    apply(AGENT_DAYS)
    acme = Tenant.objects.get(slug="acme")

    def delivering() -> list[int]:
        roll(acme)
        rows = api(acme).get("/api/v1/daa?from=2026-08-05&to=2026-08-07").json()["rows"]
        return [row["delivering"] for row in rows]

    send(
        acme,
        [
            event.task("2026-08-05T10:00:00Z", "t1", agent="ada"),
            event.task("2026-08-05T11:00:00Z", "t2", agent="bob"),
        ],
    )
    # A day that is not invoiced is restated by whatever comes late; 16:00 is the 6th in Shanghai.
    assert delivering() == [2, 0]
    send(acme, [event.task("2026-08-05T16:00:00Z", "t3", agent="ada")])
    assert delivering() == [2, 1]
    manage("close_month", "2026-08", "--finalize")
    # Shanghai's August begins at 16:00 UTC on the last of July.
    august = ("agents", "3", "0.15", False, "2026-07")
    assert lines("2026-08") == [august]

    # Two agents more on the 6th, ada again on the 5th, and bob's only task of the 5th had failed.
    send(
        acme,
        [
            event.task("2026-08-06T10:00:00Z", "t4", agent="bob"),
            event.task("2026-08-06T10:00:00Z", "t5", agent="eve"),
            event.task("2026-08-05T12:00:00Z", "t6", agent="ada"),
            event.task("2026-08-05T13:00:00Z", "t2", agent="bob", status="failed"),
            event.task("2026-09-05T10:00:00Z", "t7", agent="ada"),
        ],
    )
    assert delivering() == [1, 3]
    assert lines("2026-08") == [august]
    manage("close_month", "2026-09", "--finalize")
    # 1 + 3 − 3 = 1 agent-day more of August, beside September's own.
    assert lines("2026-09") == [
        ("agents", "1", "0.05", False, "2026-08"),
        ("agents", "1", "0.05", True, "2026-07"),
    ]
    correction = InvoiceLine.objects.get(corrects__number="INV-2026-000001")
    assert correction.description.startswith("Correction of 2026-08: ")
    for n in (1, 2):
        assert "is right to the cent" in manage("verify_invoice", f"INV-2026-{n:06d}")
