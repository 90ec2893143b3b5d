"""Meters of every type, aggregation and window against a slow oracle, and levels in plain numbers.

Events come late, twice and out of order; nothing changes when the store merges its parts.
"""

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from metering import queries
from metering.clickhouse.connection import command
from metering.ingest import Report
from metering.models import Tenant
from metering.usage.exact import divided
from metering.usage.meter import AGGREGATIONS, DIMENSIONS, VALUES, WINDOWS, Meter, parse_meter
from metering.usage.period import Period, month_period, windows
from tests.conftest import Events
from tests.metering import meter_oracle
from tests.metering.meter_oracle import Key
from tests.metering.oracle import Event
from tests.metering.test_usage_numbers import PERIOD, ZONE, random_fleet

Send = Callable[[Tenant, list[Event]], Report]
Make = Callable[..., Tenant]


@pytest.fixture
def fleet(make_tenant: Make, event: Events, send: Send) -> tuple[Tenant, list[Event]]:
    """In the order in which they were received, with resends that say something else."""
    tenant, chance = make_tenant(timezone=ZONE), random.Random(5)
    events = random_fleet(event, 3)
    sent: list[Event] = []
    for start in range(0, len(events), 60):
        again = [one | {"time": "2026-10-11T00:00:00Z"} for one in chance.sample(events[:60], 9)]
        sent += events[start : start + 60] + again
        send(tenant, events[start : start + 60] + again)
    return tenant, sent


def some_meters(kind: str) -> Iterator[Meter]:
    """Every aggregation of a type, with values, groups and filters taken by chance."""
    chance = random.Random(kind)
    event_type = "custom.pages" if kind == "custom." else kind
    names = [*DIMENSIONS[kind], "labels.env"]
    for aggregation in AGGREGATIONS:
        values = VALUES[kind] if aggregation != "unique" else names
        if not values and aggregation != "count":
            continue
        data: dict[str, Any] = {"type": event_type, "aggregation": aggregation}
        if aggregation != "count":
            data["value"] = chance.choice(values)
        data["group_by"] = chance.sample(names, chance.randrange(3))
        data["filters"] = chance.choice([{}, {"labels.env": ["prod", ""]}, {"agent": ["agent-1"]}])
        for window in ("", *WINDOWS):
            yield parse_meter(data | ({"window": window} if window else {}))


def counted(tenant: Tenant, meter: Meter) -> dict[Key, Decimal]:
    found = queries.meter_quantities(tenant, meter, PERIOD)
    parts = {part.start: part for part in queries.meter_windows(tenant, meter, PERIOD)}
    return {
        (tuple(v for _, v in q.group), parts[q.window] if q.window else PERIOD): q.quantity
        for q in found
    }


def expected(events: list[Event], meter: Meter) -> dict[Key, Decimal]:
    cut = windows(PERIOD, ZONE, meter.window) if meter.window else [PERIOD]
    found = meter_oracle.quantities(events, meter, cut)
    # Fifty digits of a mean that never ends.
    return {key: divided(number, Decimal(1)) for key, number in found.items()}


def test_every_meter_of_every_type(fleet: tuple[Tenant, list[Event]]) -> None:
    tenant, events = fleet
    meters = [meter for kind in DIMENSIONS for meter in some_meters(kind)]
    before = [counted(tenant, meter) for meter in meters]
    for meter, numbers in zip(meters, before, strict=True):
        assert numbers == expected(events, meter), meter
    assert sum(map(len, before)) > 1000
    command("OPTIMIZE TABLE events FINAL")
    assert [counted(tenant, meter) for meter in meters] == before


OCTOBER = month_period("2026-10", "UTC")
SEATS: dict[str, Any] = {"type": "custom.seats", "value": "value"}


def quantity(tenant: Tenant, period: Period = OCTOBER, **changes: Any) -> Decimal:
    [found] = queries.meter_quantities(tenant, parse_meter(SEATS | changes), period)
    return found.quantity


def test_a_level_is_carried_in_and_held_to_the_end(
    tenant: Tenant, event: Events, send: Send
) -> None:
    levels = [("2026-08-31T10:00:00Z", "7"), ("2026-09-30T23:00:00Z", "10")]
    levels += [("2026-10-11T00:00:00Z", "40"), ("2026-10-31T00:00:00Z", "0.5")]
    send(tenant, [event("custom.seats", time, value=value) for time, value in levels])
    # 10 days at 10, 20 days at 40 and a day at a half: 900.5 days of one seat.
    day = 24 * 3600
    assert quantity(tenant, aggregation="time_weighted") == Decimal("900.5") * day
    assert quantity(tenant, aggregation="time_weighted_mean") == divided(
        Decimal("900.5"), Decimal(31)
    )
    # November has no event of its own.
    november = month_period("2026-11", "UTC")
    assert quantity(tenant, november, aggregation="time_weighted") == 15 * day
    assert quantity(tenant, november, aggregation="time_weighted_mean") == Decimal("0.5")
    # Before the first there is no level, and so no quantity.
    meter = parse_meter(SEATS | {"aggregation": "time_weighted"})
    assert queries.meter_quantities(tenant, meter, month_period("2026-07", "UTC")) == []


def test_two_parts_of_a_period_have_the_level_of_the_whole(
    tenant: Tenant, event: Events, send: Send
) -> None:
    times = ("2026-09-01T00:00:00Z", "2026-10-05T06:00:00Z", "2026-10-20T00:00:00Z")
    send(tenant, [event("custom.seats", time, value=f"{n}.25") for n, time in enumerate(times)])
    cut = datetime(2026, 10, 16, 1, 2, 3, tzinfo=UTC)
    for aggregation in ("time_weighted", "time_weighted_mean"):
        meter = parse_meter(SEATS | {"aggregation": aggregation})
        parts = [
            queries.meter_quantities(tenant, meter, part, whole=OCTOBER)[0].quantity
            for part in (Period(OCTOBER.start, cut), Period(cut, OCTOBER.end))
        ]
        whole = queries.meter_quantities(tenant, meter, OCTOBER)[0].quantity
        assert abs(sum(parts) - whole) < Decimal("1e-40")


def test_the_95th_percentile_drops_a_twentieth_of_all_samples(
    tenant: Tenant, event: Events, send: Send
) -> None:
    # A day of 288 samples drops 14 of them. Fifteen five-minutes have events of 1 to 15, two of
    # each: what is left is the fifteenth-highest sum.
    day = Period(datetime(2026, 10, 5, tzinfo=UTC), datetime(2026, 10, 6, tzinfo=UTC))
    times = [
        (f"2026-10-05T0{n // 12}:{n % 12 * 5 + late:02}:00Z", n + 1)
        for n in range(15)
        for late in (0, 4)
    ]
    send(tenant, [event("custom.seats", time, value=str(value)) for time, value in times])
    assert quantity(tenant, day, aggregation="p95") == 2
    # In all of October 446 of 8,928 are dropped, so that the highest left is one without events.
    assert quantity(tenant, aggregation="p95") == 0


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [("Europe/Berlin", "2026-10-25", 25), ("Europe/Berlin", "2026-03-29", 23)],
)
def test_windows_are_those_of_the_tenants_clock(
    make_tenant: Make, event: Events, send: Send, zone: str, day: str, hours: int
) -> None:
    tenant = make_tenant(timezone=zone)
    month = month_period(day[:7], zone)
    send(tenant, [event("custom.seats", month.start.isoformat(), value="1")])
    for window, seconds in (("day", hours * 3600), ("hour", 3600)):
        meter = parse_meter(SEATS | {"aggregation": "time_weighted", "window": window})
        found = {q.window: q.quantity for q in queries.meter_quantities(tenant, meter, month)}
        [own] = [w for w in windows(month, zone, "day") if f"{w.end:%F}" == day]
        assert found[own.start] == seconds
        assert sum(found.values()) == month.seconds


def test_agent_days_and_tasks_by_day(tenant: Tenant, event: Events, send: Send) -> None:
    times = ("2026-10-01T00:00:00Z", "2026-10-01T23:59:59Z", "2026-10-31T05:00:00Z")
    send(tenant, [event.task(time, f"t{n}") for n, time in enumerate(times)])
    for metric, numbers in (
        ("delivering_agent_days", [1, 1]),
        ("active_agent_days", [1, 1]),
        ("succeeded_tasks", [2, 1]),
    ):
        meter = parse_meter({"metric": metric, "window": "day"})
        found = queries.meter_quantities(tenant, meter, OCTOBER)
        assert [q.quantity for q in found] == numbers
        assert [q.window and q.window.day for q in found] == [1, 31]
