"""Bursts by API and on invoices against a walk tick by tick, on random work and two contracts."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from random import Random
from typing import Any

import pytest
import yaml
from django.test import Client

from metering.ingest import Report
from metering.models import Tenant
from tests.billing import burst_oracle as oracle
from tests.conftest import Events

Run = Callable[..., str]
Send = Callable[[Tenant, list[dict[str, Any]]], Report]

DAY = timedelta(days=1)
EXACT = (
    *("baseline_chip_seconds", "credited_chip_seconds", "burst_chip_seconds", "idle_chip_seconds"),
    *("bursts", "cold_starts", "peak", "amount", "reserved_peak_amount", "reserved_hourly_amount"),
)
QUOTIENTS = ("mean", "p95", "dormancy")

pytestmark = pytest.mark.usefixtures("store")


def some_contract(random: Random, valid_from: date) -> oracle.Contract:
    flat = random.choice(["0", "0", "0.37"])
    return {
        "valid_from": valid_from,
        "baseline": random.choice(["0", "1", "1.5", "2.25"]),
        "baseline_price": random.choice(["0.0001", "0.000317"]),
        "on_demand_price": random.choice(["0.001", "0.00077"]),
        "burst_tiers": [
            {"up_to": random.choice(["900", "7200.5"]), "unit_amount": "0.0021"},
            {"up_to": None, "unit_amount": "0.0013", "flat_amount": flat},
        ],
        "idle_factor": random.choice(["0", "0.1", "1"]),
        "granularity_ms": 1000 * oracle.TICK * random.choice([1, 1, 3]),
        "minimum_ms": 1000 * oracle.TICK * random.choice([0, 0, 5]),
        "cold_start_fee": random.choice(["0", "0.25"]),
        "credit_accrual": random.choice(["0", "0.5", "1", "1.75"]),
        "credit_cap": random.choice(["0", "3600", "100000"]),
    }


def some_chips(random: Random, start: int, end: int) -> oracle.Chips:
    """Most of them short and in crowds; some from before, and some across midnight or all of it."""
    crowds = [random.randrange(start, end, oracle.TICK) for _ in range(4)]
    chips = []
    for _ in range(28):
        crowd = random.choice([*crowds, start - 6 * oracle.TICK])
        begun = crowd + random.randrange(0, 20) * oracle.TICK
        length = random.choice([0, 1, 1, 2, 5, 40, 200]) * oracle.TICK
        times = (datetime.fromtimestamp(at, UTC).isoformat() for at in (begun, begun + length))
        chips.append(
            {
                **dict(zip(("started_at", "ended_at"), times, strict=True)),
                "count": random.choice(["0.25", "1", "1", "1.000000000000000001", "3.5"]),
                "phase": random.choice(["active", "active", "active", "idle", "cold_start"]),
            }
        )
    return chips


@pytest.mark.parametrize(
    ("zone", "first", "seed"),
    [
        ("UTC", date(2026, 10, 10), 1),
        ("UTC", date(2026, 2, 26), 2),
        ("Asia/Kolkata", date(2026, 10, 10), 3),
        # The clock is put forward, so the third day has 23 hours; and back, so it has 25.
        ("Europe/Berlin", date(2026, 3, 27), 4),
        ("Europe/Berlin", date(2026, 10, 23), 5),
        ("America/St_Johns", date(2026, 10, 30), 6),
        # Half an hour back: a clock hour of 90 minutes, or half of one twice.
        ("Australia/Lord_Howe", date(2026, 4, 3), 7),
        ("Australia/Lord_Howe", date(2026, 10, 2), 8),
        ("Asia/Kathmandu", date(2026, 10, 10), 9),
    ],
)
def test_every_figure_is_that_of_a_walk_through_two_contracts(
    zone: str,
    first: date,
    seed: int,
    apply: Run,
    event: Events,
    send: Send,
    api: Callable[[Tenant], Client],
) -> None:
    random = Random(seed)
    contracts = [some_contract(random, first), some_contract(random, first + 3 * DAY)]
    chips = some_chips(random, oracle.midnight(first, zone), oracle.midnight(first + 5 * DAY, zone))
    apply(f"tenants: [{{slug: walker, timezone: {zone}}}]")
    apply(
        yaml.safe_dump({"contracts": [c | {"tenant": "walker", "chip": "h20"} for c in contracts]})
    )
    tenant = Tenant.objects.get(slug="walker")
    sent = [event.chip(chip="h20", **chip) for chip in chips]
    random.shuffle(sent)
    send(tenant, sent)
    send(tenant, sent[::2])
    # Within one contract with its credits carried in, and over the change from one to the other.
    for from_, to in ((first, first + 2 * DAY), (first + DAY, first + 4 * DAY)):
        answer = api(tenant).get(f"/api/v1/bursts?from={from_}&to={to}").json()
        (row,) = answer["rows"]
        expected = oracle.row(chips, contracts, zone, from_, to)
        assert {n: Fraction(row[n]) for n in EXACT} == {n: expected[n] for n in EXACT}
        for name in QUOTIENTS:
            assert abs(Fraction(row[name]) - expected[name]) < Fraction(1, 10**40), name
