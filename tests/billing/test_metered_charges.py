"""Charges on levels, percentiles, windows and single events, on invoices: in dates and cents."""

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.test import Client

from billing.models import Invoice, InvoiceLine
from metering.ingest import Report
from metering.models import Tenant
from tests.conftest import Events

Run = Callable[..., str]
Send = Callable[[Tenant, list[dict[str, Any]]], Report]
Amounts = Callable[[str], list[tuple[str, str, str]]]
Lines = list[tuple[str, str, str]]
Api = Callable[[Tenant], Client]

pytestmark = pytest.mark.usefixtures("store")


@pytest.fixture
def plan(apply: Run) -> Callable[..., Tenant]:
    """A tenant on a plan of these charges."""

    def of(*charges: dict[str, Any], **fields: str) -> Tenant:
        named = [{"code": f"c{n}", **charge} for n, charge in enumerate(charges)]
        version = {"code": "p", "currency": "USD", "valid_from": "2026-01-01", "charges": named}
        tenants = [{"slug": "acme", "plan": "p", **fields}]
        text = yaml.safe_dump({"plans": [version], "tenants": tenants})
        apply(text.replace("'2026-01-01'", "2026-01-01"))
        return Tenant.objects.get(slug="acme")

    return of


def payments(event: Events, *values: str, day: int = 2) -> list[dict[str, Any]]:
    return [
        event("custom.payment", f"2026-10-{day:02}T00:{n:02}:00Z", value=value)
        for n, value in enumerate(values)
    ]


PAYMENTS = {"type": "custom.payment", "value": "value"}


def test_the_worked_examples_of_others_hold_for_an_invoice(
    plan: Callable[..., Tenant],
    event: Events,
    send: Send,
    manage: Run,
    shared: Callable[[str], Path],
) -> None:
    cases = json.loads((shared("vectors") / "rating.json").read_text())
    cases = [case for case in cases if case.get("events")]
    assert {case["charge"]["model"] for case in cases} >= {"percentage"}
    charges = []
    for n, case in enumerate(cases):
        meter = {**PAYMENTS, "filters": {"labels.case": [str(n)]}}
        charges.append({"meter": meter, "charge": case["charge"]})
    acme = plan(*charges)
    for n, case in enumerate(cases):
        events = payments(event, *case["events"])
        send(acme, [one | {"data": {**one["data"], "labels": {"case": str(n)}}} for one in events])
    manage("close_month", "2026-10", "--finalize")
    for n, case in enumerate(cases):
        lines = InvoiceLine.objects.filter(code=f"c{n}")
        amount = sum((line.exact_amount for line in lines), Decimal(0))
        assert amount == Decimal(case["amount"]), case["id"]
    assert "is right to the cent" in manage("verify_invoice", "INV-2026-000001")


CARD = {
    "model": "percentage",
    "rate_percent": "2",
    "fixed_amount_per_event": "0.1",
    "minimum_amount_per_event": "0.5",
    "maximum_amount_per_event": "3",
}


def test_each_event_is_clamped_alone_and_a_late_one_is_a_correction(
    plan: Callable[..., Tenant], event: Events, send: Send, manage: Run, api: Api
) -> None:
    acme = plan({"meter": PAYMENTS, "charge": CARD})
    # 10 owes 0.30 → 0.50, 100 owes 2.10, 1000 owes 20.10 → 3: 22.2 + 0.3 + 0.2 − 17.1 = 5.60
    send(
        acme,
        [
            e | {"time": e["time"].replace("-10-", "-09-")}
            for e in payments(event, "10", "100", "1000")
        ],
    )
    manage("close_month", "2026-09", "--finalize")
    assert billed("2026-09") == [
        ("percentage", "1110", "22.20"),
        ("fixed", "3", "0.30"),
        ("minimum-per-event", "1", "0.20"),
        ("maximum-per-event", "1", "-17.10"),
    ]
    # Another 10 of September, which is 0.20 + 0.10 raised by 0.20.
    [late] = payments(event, "10")
    send(acme, [late | {"time": "2026-09-30T23:59:59.999999Z"}])
    manage("close_month", "2026-10", "--finalize")
    assert billed("2026-10") == [
        ("percentage", "10", "0.20"),
        ("fixed", "1", "0.10"),
        ("minimum-per-event", "1", "0.20"),
    ]
    for n in (1, 2):
        assert "is right to the cent" in manage("verify_invoice", f"INV-2026-{n:06d}")
    events = api(acme).get("/api/v1/invoices/INV-2026-000001/lines/3/events").json()["rows"]
    assert len(events) == 3


def billed(month: str) -> Lines:
    rows = InvoiceLine.objects.filter(invoice__month=f"{month}-01").order_by("position")
    return [(line.key, f"{line.quantity:f}", f"{line.amount:f}") for line in rows]


@pytest.mark.parametrize(
    ("charge", "lines"),
    [
        # The first 15 are free: the 10 as a whole, and 5 of the 90, of which 85 are charged.
        (
            {"model": "percentage", "rate_percent": "2", "fixed_amount_per_event": "0.3"}
            | {"free_units": "15"},
            [("percentage", "85", "1.70"), ("fixed", "1", "0.30")],
        ),
        # In started dozens: 1 and 8 of them.
        (
            {"model": "percentage", "rate_percent": "100", "maximum_amount_per_event": "7"}
            | {"unit_conversion": {"divide_by": "12", "rounding": "ceiling"}},
            [("percentage", "9", "9.00"), ("maximum-per-event", "1", "-1.00")],
        ),
        # Thirds: 10/3 + 90/3, at least 4 each: 4 + 30.
        (
            {"model": "percentage", "rate_percent": "100", "minimum_amount_per_event": "4"}
            | {"unit_conversion": {"divide_by": "3"}},
            [
                ("percentage", "33." + "3" * 60, "33.33"),
                ("minimum-per-event", "1", "0.67"),
            ],
        ),
        # Amounts of their own, in cents that each event rounds up to dollars: 1 + 1.
        (
            {"model": "dynamic", "unit_conversion": {"divide_by": "100", "rounding": "ceiling"}},
            [("dynamic", "2", "2.00")],
        ),
        (
            {"model": "dynamic", "discount_percent": "10"},
            [("dynamic", "100", "100.00"), ("discount", "1", "-10.00")],
        ),
    ],
)
def test_free_units_and_conversion_go_event_by_event(
    plan: Callable[..., Tenant],
    event: Events,
    send: Send,
    manage: Run,
    charge: dict[str, Any],
    lines: Lines,
) -> None:
    acme = plan({"meter": PAYMENTS, "charge": charge})
    # The later one first: what counts is when it happened.
    send(acme, payments(event, "90", day=3))
    send(acme, payments(event, "10", day=2))
    manage("close_month", "2026-10", "--finalize")
    assert billed("2026-10") == lines
    assert "is right to the cent" in manage("verify_invoice", "INV-2026-000001")


def test_calls_are_counted_one_by_one(
    plan: Callable[..., Tenant], event: Events, send: Send, manage: Run
) -> None:
    charge = {"model": "percentage", "rate_percent": "0", "fixed_amount_per_event": "0.05"}
    meter = {"type": "agent.tokens", "aggregation": "count", "group_by": ["model"]}
    acme = plan({"meter": meter, "charge": charge})
    calls = [event.tokens("2026-10-02T00:00:00Z", model, input_tokens=1) for model in "aab"]
    send(acme, calls)
    manage("close_month", "2026-10")
    # Two calls of a at 0.05 and one of b; 0 % of them is a line of its own.
    assert billed("2026-10") == [
        ("percentage", "2", "0.00"),
        ("fixed", "2", "0.10"),
        ("percentage", "1", "0.00"),
        ("fixed", "1", "0.05"),
    ]


DAILY: dict[str, Any] = {
    "meter": {"type": "agent.tool", "value": "units", "window": "day"},
    "charge": {
        "model": "volume",
        "tiers": [
            {"up_to": "10", "unit_amount": "0.10"},
            {"up_to": "20", "unit_amount": "0.05"},
            {"up_to": None, "unit_amount": "0.02"},
        ],
    },
}


def test_each_day_is_rated_alone(
    plan: Callable[..., Tenant], event: Events, send: Send, manage: Run
) -> None:
    # October in Berlin has a day of 25 hours, the 25th: from 22:00 to 23:00 in UTC.
    acme = plan(DAILY, timezone="Europe/Berlin")
    times = [("2026-10-24T22:00:00Z", "4"), ("2026-10-25T22:59:59Z", "5")]
    times += [("2026-10-25T23:00:00Z", "15"), ("2026-10-27T12:00:00Z", "15")]
    send(acme, [event("agent.tool", time, tool="t", units=units) for time, units in times])
    manage("close_month", "2026-10", "--finalize")
    # 9 × 0.10; twice 15 × 0.05.
    assert billed("2026-10") == [("tier-1", "9", "0.90"), ("tier-2", "30", "1.50")]
    assert "is right to the cent" in manage("verify_invoice", "INV-2026-000001")


def test_a_commitment_is_owed_by_every_window(
    plan: Callable[..., Tenant], event: Events, send: Send, manage: Run
) -> None:
    commitment = {"amount": "10", "overage_factor": "2", "true_up": True}
    charge = {"model": "per_unit", "unit_amount": "2", "commitment": commitment}
    acme = plan({"meter": {**DAILY["meter"], "type": "agent.tool"}, "charge": charge})
    times = [("2026-10-05T12:00:00Z", "2"), ("2026-10-06T12:00:00Z", "8")]
    send(acme, [event("agent.tool", time, tool="t", units=units) for time, units in times])
    manage("close_month", "2026-10")
    # 4 → 10; 16 → 10 + 6 × 2; 29 days of nothing are 10 each: 10 + 22 + 290 = 322.
    assert billed("2026-10") == [
        ("units", "10", "20.00"),
        ("true-up", "30", "296.00"),
        ("overage", "1", "6.00"),
    ]


def test_single_events_in_windows_share_nothing_between_days(
    plan: Callable[..., Tenant], event: Events, send: Send, manage: Run
) -> None:
    meter = {**PAYMENTS, "window": "day"}
    acme = plan({"meter": meter, "charge": {**CARD, "maximum_amount": "0.9"}})
    send(acme, payments(event, "10", "10", day=2) + payments(event, "10", day=3))
    manage("close_month", "2026-10")
    # Two at 0.50 are cut to 0.90 on the 2nd; one is 0.50 on the 3rd.
    [invoice] = Invoice.objects.all()
    assert f"{invoice.total:f}" == "1.40"
    assert billed("2026-10")[-1] == ("maximum", "1", "-0.10")


def test_agent_days_and_cost_by_day(
    plan: Callable[..., Tenant], apply: Run, event: Events, send: Send, manage: Run
) -> None:
    tiers = [{"up_to": "1", "unit_amount": "1"}, {"up_to": None, "unit_amount": "0.5"}]
    graduated = {"model": "graduated", "tiers": tiers}
    apply("prices: [{tool: t, valid_from: 2026-01-01, currency: USD, per_unit: '2'}]")
    acme = plan(
        {"meter": {"metric": "delivering_agent_days", "window": "day"}, "charge": graduated},
        {
            "meter": {"metric": "cost", "window": "day"},
            "charge": {"model": "per_unit", "unit_amount": "1.1", "maximum_amount": "3"},
        },
    )
    tasks = [("2026-10-02", "ada"), ("2026-10-02", "bob"), ("2026-10-03", "ada")]
    send(
        acme,
        [
            event.task(f"{day}T12:00:00Z", f"t{n}", agent=agent)
            for n, (day, agent) in enumerate(tasks)
        ],
    )
    send(acme, [event("agent.tool", f"{day}T12:00:00Z", tool="t") for day, _ in tasks])
    manage("close_month", "2026-10")
    # Agents: 1 + 0.5 on the 2nd and 1 on the 3rd. Cost: 4 × 1.1 cut to 3, and 2 × 1.1.
    assert billed("2026-10") == [
        ("tier-1", "2", "2.00"),
        ("tier-2", "1", "0.50"),
        ("units", "6", "6.60"),
        ("maximum", "1", "-1.40"),
    ]


SEATS = {"type": "custom.seats", "aggregation": "time_weighted_mean", "value": "value"}


def test_a_level_is_billed_by_its_mean_with_the_events_it_came_from(
    plan: Callable[..., Tenant], event: Events, send: Send, manage: Run, api: Api
) -> None:
    acme = plan(
        {
            "meter": {**SEATS, "group_by": ["labels.team"]},
            "charge": {"model": "per_unit", "unit_amount": "31"},
        }
    )
    levels = [("2026-08-01", "99"), ("2026-08-20", "4"), ("2026-10-11", "14")]
    for team in ("red", "blue"):
        send(
            acme,
            [
                event(
                    "custom.seats",
                    f"{day}T00:00:00Z",
                    value=value,
                    labels={"team": team},
                    id=f"{team}-{day}",
                )
                for day, value in levels
            ],
        )
    send(acme, [event("custom.seats", "2026-07-01T00:00:00Z", value="1", id="other")])
    manage("close_month", "2026-09", "--finalize")
    # 30 days at 4, and at 1 where there is no team.
    assert billed("2026-09") == [
        ("units", "1", "31.00"),
        ("units", "4", "124.00"),
        ("units", "4", "124.00"),
    ]
    # A level of September that comes late is that of October, too, until the 11th.
    send(
        acme,
        [
            event(
                "custom.seats", "2026-09-29T00:00:00Z", value="7", id="late", labels={"team": "red"}
            )
        ],
    )
    manage("close_month", "2026-10", "--finalize")
    # blue: (10 × 4 + 21 × 14) / 31 × 31; red: 10 × 7 + 21 × 14; September: 2 days of 3 more, in 30.
    found = billed("2026-10")
    assert [amount for *_, amount in found] == ["31.00", "334.00", "364.00", "6.20"]
    assert (found[0], found[3]) == (("units", "1", "31.00"), ("units", "0.2", "6.20"))
    for n in (1, 2):
        assert "is right to the cent" in manage("verify_invoice", f"INV-2026-{n:06d}")
    rows = api(acme).get("/api/v1/invoices/INV-2026-000002/lines/3/events").json()["rows"]
    assert [row["id"] for row in rows] == ["late", "red-2026-10-11"]
    assert Invoice.objects.get(month="2026-10-01").not_charged == []


def test_traffic_is_billed_at_its_95th_percentile(
    plan: Callable[..., Tenant], event: Events, send: Send, manage: Run
) -> None:
    meter = {"type": "custom.egress", "aggregation": "p95", "value": "value", "window": "day"}
    # Bytes in five minutes, billed in Mbit/s: 300 s × 125,000 bytes.
    acme = plan(
        {
            "meter": meter,
            "charge": {
                "model": "per_unit",
                "unit_amount": "0.02",
                "unit_conversion": {"divide_by": "37500000"},
            },
        }
    )
    times = [f"2026-10-02T{n // 12:02}:{n % 12 * 5:02}:00Z" for n in range(15)]
    send(
        acme,
        [
            event("custom.egress", time, value=str(375_000_000 * (n + 1)))
            for n, time in enumerate(times)
        ],
    )
    manage("close_month", "2026-10")
    # 14 of the day's 288 samples are dropped; the 15th highest is 10 Mbit/s.
    assert billed("2026-10") == [("units", "10", "0.20")]
