"""What is derived for closing months is what the events give, as of any watermark."""

import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import time_machine

from metering import queries
from metering.clickhouse import meter_days as derived
from metering.clickhouse.connection import command, select
from metering.clickhouse.meter_days_query import (
    DaysOf,
    MeterDaysQuery,
    answers,
    at_once,
    derived_since,
    type_counts,
)
from metering.ingest import Report
from metering.meter_days import bring_up
from metering.models import Tenant
from metering.usage.meter import parse_meter
from metering.usage.period import range_period
from tests.conftest import Events

Send = Callable[[Tenant, list[dict[str, Any]]], Report]

ZONES = ("America/New_York", "Asia/Kathmandu")
# A month with a day of 25 hours in New York; the range of days asked for begins within it.
FIRST, LAST = date(2026, 10, 20), date(2026, 11, 5)
METERS: list[dict[str, Any]] = [
    {"metric": "active_agent_days"},
    {"metric": "succeeded_tasks"},
    {"type": "agent.tokens", "value": "input_tokens"},
    {"type": "agent.tokens", "value": "total_tokens", "group_by": ["model", "labels.team"]},
    {
        "type": "agent.tokens",
        "value": "prompt_tokens",
        "aggregation": "max",
        "group_by": ["source"],
    },
    {"type": "agent.tokens", "aggregation": "count", "filters": {"model": ["a"]}},
    {"type": "agent.tokens", "aggregation": "count", "filters": {"labels.team": ["x", ""]}},
    {"type": "agent.chip", "value": "chip_seconds", "group_by": ["chip", "phase"]},
    {"type": "agent.tool", "value": "units", "group_by": ["tool", "status"]},
    {"type": "custom.gb", "value": "value", "filters": {"type": ["custom.gb"]}},
    {"type": "agent.task", "aggregation": "count", "group_by": ["status"]},
    {"metric": "delivering_agent_days"},
]
FEW = METERS[:3]


def check(
    tenants: list[Tenant],
    as_of: datetime,
    start: date = FIRST,
    end: date = LAST,
    meters: list[dict[str, Any]] = FEW,
) -> None:
    """Every meter over all tenants, alone and with others, against each tenant's events."""
    days = DaysOf(tenants=tuple(t.pk for t in tenants), start=start, end=end, as_of=as_of)
    parsed = [parse_meter(meter) for meter in meters]
    together = at_once(list(dict.fromkeys(parsed)), days)
    for meter in parsed:
        found = MeterDaysQuery(meter=meter, days=days).quantities()
        assert together[meter] == found, meter
        for tenant in tenants:
            period = range_period(start, end, tenant.timezone)
            raw = queries.meter_quantities(tenant, meter, period, received_before=as_of)
            assert found.get(tenant.pk, []) == raw, (meter, tenant.timezone)
    types = type_counts(days)
    for tenant in tenants:
        period = range_period(start, end, tenant.timezone)
        assert types.get(tenant.pk, []) == queries.usage_types(tenant, period, as_of)


def some_events(event: Events, draw: random.Random, count: int) -> list[dict[str, Any]]:
    def one() -> dict[str, Any]:
        time = datetime(2026, 10, 19, tzinfo=UTC) + timedelta(minutes=draw.randrange(18 * 24 * 60))
        common: dict[str, Any] = {
            "agent": draw.choice(["ada", "bob", ""]),
            "task": f"t{draw.randrange(12)}",
            "source": draw.choice(["s1", "s2"]),
            "labels": draw.choice([{}, {"team": "x"}, {"team": "y", "env": "p"}]),
        }
        match draw.randrange(5):
            case 0:
                return event.task(
                    time, status=draw.choice(["succeeded", "succeeded", "failed"]), **common
                )
            case 1:
                return event.tokens(
                    time,
                    draw.choice(["a", "b"]),
                    input_tokens=draw.choice([0, 7, 2**53]),
                    cache_read_tokens=draw.randrange(9),
                    output_tokens=3,
                    **common,
                )
            case 2:
                end = (time + timedelta(milliseconds=draw.randrange(10**7))).isoformat()
                return event.chip(
                    time.isoformat(),
                    end,
                    draw.choice(["p800", "b200"]),
                    count="0.123456789012345678",
                    phase=draw.choice(["active", "idle"]),
                    **common,
                )
            case 3:
                return event("agent.tool", time, tool="search", status="ok", units="1.5", **common)
            case _:
                return event("custom.gb", time, value="0.000000000000000001", **common)

    return [one() for _ in range(count)]


@pytest.fixture
def tenants(make_tenant: Callable[..., Tenant]) -> list[Tenant]:
    return [make_tenant(timezone=zone) for zone in ZONES]


@time_machine.travel(datetime(2026, 11, 24, 12, tzinfo=UTC), tick=True)
def test_days_equal_events_through_late_ones_resends_and_merges(
    tenants: list[Tenant], event: Events, send: Send
) -> None:
    draw = random.Random(20)
    moments = []
    for count in (60, 9, 3):
        for tenant in tenants:
            sent = some_events(event, draw, count)
            send(tenant, [*sent, *sent[:5]])
        moments.append(bring_up(tenants))
        check(tenants, moments[-1])
    check(tenants, moments[-1], date(2026, 10, 25), date(2026, 10, 26))
    for table in ("rollup_meter_days", "rollup_meter_generations", "rollup_meter_scans"):
        command(f"OPTIMIZE TABLE {table} FINAL")
    for as_of in (moments[0], moments[-1]):
        check(tenants, as_of, meters=METERS)


def test_an_outcome_that_goes_to_another_day_leaves_its_day(
    tenant: Tenant, event: Events, send: Send
) -> None:
    send(tenant, [event.task("2026-10-20T10:00:00Z", "t")])
    first = bring_up([tenant])
    send(tenant, [event.task("2026-10-22T10:00:00Z", "t", "failed")])
    second = bring_up([tenant])
    check([tenant], first)
    check([tenant], second)
    since = {tenant.pk: round(first.timestamp() * 10**6)}
    assert {day.day for day in derived_since(since, second)[tenant.pk]} == {20, 22}
    assert derived_since(since, first) == {}


def test_nothing_new_derives_nothing(tenant: Tenant, event: Events, send: Send) -> None:
    send(tenant, [event.tokens("2026-10-20T10:00:00Z", input_tokens=1)])
    first = bring_up([tenant])
    second = bring_up([tenant])
    assert second > first
    rows = select(
        "SELECT count() FROM rollup_meter_generations WHERE tenant = %(t)s", {"t": tenant.pk}
    )
    assert rows == [(1,)]
    check([tenant], second)


def test_tenants_that_were_never_looked_at_come_with_those_that_were(
    tenant: Tenant, event: Events, send: Send, make_tenant: Callable[[], Tenant]
) -> None:
    send(tenant, [event.tokens("2026-10-20T10:00:00Z", input_tokens=1)])
    bring_up([tenant])
    other = make_tenant()
    send(other, [event.tokens("2026-10-20T10:00:00Z", input_tokens=1)])
    check([tenant, other], bring_up([tenant, other]))


def test_another_clock_has_other_days(tenant: Tenant, event: Events, send: Send) -> None:
    send(tenant, [event.tokens("2026-10-20T20:00:00Z", input_tokens=5)])
    bring_up([tenant])
    tenant.timezone = "Asia/Tokyo"  # where this is 05:00 of the next day
    tenant.save()
    now = bring_up([tenant])
    check([tenant], now)
    check([tenant], now, date(2026, 10, 20), date(2026, 10, 21))


def test_another_rule_of_delivering_derives_anew(
    tenant: Tenant, event: Events, send: Send, settings: Any
) -> None:
    send(tenant, [event.task("2026-10-20T10:00:00Z", "t")])
    bring_up([tenant])
    settings.DAA_MIN_TASKS = 2
    check([tenant], bring_up([tenant]))


def test_replaced_generations_serve_a_day_longer(
    tenant: Tenant, event: Events, send: Send, monkeypatch: pytest.MonkeyPatch
) -> None:
    moments = []
    for n in range(3):
        send(tenant, [event.tokens("2026-10-20T10:00:00Z", input_tokens=n)])
        moments.append(bring_up([tenant]))
    derived.forget_old_generations()
    for as_of in moments:
        check([tenant], as_of)
    monkeypatch.setattr(derived, "_KEEP_OLD_GENERATIONS", timedelta(days=-1))
    derived.forget_old_generations()
    check([tenant], moments[-1])
    rows = select(
        "SELECT count() FROM rollup_meter_days WHERE tenant = %(t)s AND fine", {"t": tenant.pk}
    )
    assert rows == [(1,)]


@pytest.mark.parametrize(
    "meter",
    [
        {"type": "agent.tokens", "aggregation": "unique", "value": "model"},
        {"type": "agent.tokens", "aggregation": "latest", "value": "input_tokens"},
        {"type": "agent.tokens", "value": "input_tokens", "group_by": ["agent"]},
        {"type": "agent.tokens", "value": "input_tokens", "filters": {"task": ["t"]}},
        {"metric": "succeeded_tasks", "group_by": ["agent"]},
        {"metric": "effective_tokens"},
        {"metric": "cost"},
    ],
)
def test_the_rest_is_read_from_the_events(meter: dict[str, Any]) -> None:
    assert not answers(parse_meter(meter))


def test_what_is_derived_is_known() -> None:
    assert all(answers(parse_meter(meter)) for meter in METERS)
