"""Daily active agents against an oracle, at the ends of the world and over clock changes."""

import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from metering import queries
from metering.ingest import Report
from metering.models import Tenant
from metering.usage.active import ActiveDay
from metering.usage.meter import parse_meter
from metering.usage.period import Period, local_days, month_period, range_period
from tests.conftest import Events
from tests.metering import oracle

Send = Callable[[Tenant, list[dict[str, Any]]], Report]
Roll = Callable[[Tenant], int]

# The nights of the change are 2026-03-29 (23 hours) and 2025-10-26 (25 hours) in Berlin.
ZONES = [
    ("UTC", datetime(2026, 8, 1, tzinfo=UTC), 1),
    ("Asia/Kolkata", datetime(2026, 8, 1, tzinfo=UTC), 1),
    ("Pacific/Kiritimati", datetime(2026, 8, 1, tzinfo=UTC), 2),
    ("Etc/GMT+12", datetime(2026, 8, 1, tzinfo=UTC), 1),
    ("Europe/Berlin", datetime(2026, 2, 10, tzinfo=UTC), 1),
    ("Europe/Berlin", datetime(2025, 9, 10, tzinfo=UTC), 2),
]


def random_fleet(event: Events, seed: int, start: datetime) -> list[dict[str, Any]]:
    """Seventy days of a few agents, some of which are away for a month."""
    chance = random.Random(seed)
    noon = start + timedelta(hours=12)
    # Away for 28 days, one less and one more.
    events = [
        event.task(noon + timedelta(days=n), f"away-{days}-{n}", agent=f"away-{days}")
        for days in (27, 28, 29)
        for n in (5, 5 + days)
    ]
    events += [
        event.task(noon + timedelta(days=n % 20 * 3), f"busy-{n}", agent="busy") for n in range(40)
    ]
    for _ in range(150):
        agent = f"agent-{chance.choice([0, 0, 1, 2, 3, *range(4, 14)])}"
        # On the hour and just before it, where zones change their day.
        at = start + timedelta(hours=chance.randrange(70 * 24), minutes=chance.choice([0, 30]))
        at -= chance.choice([timedelta(0), timedelta(microseconds=1)])
        task = f"t{chance.randrange(60)}"
        more: dict[str, Any] = {"agent": agent, "labels": {"team": chance.choice("ab")}}
        if chance.random() < 0.3:
            events.append(event.tokens(at, chance.choice(["small", "big"]), task=task, **more))
            continue
        if chance.random() < 0.1:
            region = chance.choice(["", "eu", "us"])
            text = at.isoformat()
            events.append(event.chip(text, text, task=task, region=region, **more))
            continue
        status = chance.choice(["succeeded", "succeeded", "succeeded", "failed", "cancelled"])
        parent = chance.choice(["", "", "root"])
        events.append(event.task(at, task, status, parent_task=parent, **more))
    chance.shuffle(events)
    return events


DaysOf = Callable[[str, datetime], tuple[Tenant, list[dict[str, Any]]]]


@pytest.fixture
def days_of(make_tenant: Callable[..., Tenant], event: Events, send: Send, roll: Roll) -> DaysOf:
    """A tenant of a zone and its events, rolled up."""

    def send_all(zone: str, start: datetime) -> tuple[Tenant, list[dict[str, Any]]]:
        tenant = make_tenant(timezone=zone)
        events = random_fleet(event, 1, start)
        send(tenant, events)
        roll(tenant)
        return tenant, events

    return send_all


@pytest.mark.parametrize(("zone", "start", "min_tasks"), ZONES)
def test_every_number_of_every_day_agrees_with_the_oracle(
    zone: str, start: datetime, min_tasks: int, days_of: DaysOf, settings: Settings
) -> None:
    settings.DAA_MIN_TASKS = min_tasks
    tenant, events = days_of(zone, start)
    first = start.date() - timedelta(days=2)
    period = range_period(first, first + timedelta(days=110), zone)
    days = local_days(period, zone)
    found = queries.daa(tenant, period)
    assert found == oracle.daa(events, days, zone, min_tasks)
    assert all(day.active == day.new + day.returning + day.resurrected for day in found)
    assert sum(day.resurrected for day in found) > 0 < sum(day.dormant for day in found)
    assert sum(day.active_sub_agents for day in found) > 0
    if min_tasks == 1:
        assert sum(day.delivering_sub_agents for day in found) > 0
    assert_groups_and_weeks(tenant, period, events, min_tasks)
    assert_agent_days_are_metered(tenant, period, found)


def assert_groups_and_weeks(
    tenant: Tenant, period: Period, events: list[dict[str, Any]], min_tasks: int
) -> None:
    zone = tenant.timezone
    days = local_days(period, zone)
    for name in ("model", "region", "labels.team"):
        found = queries.daa_by(tenant, period, name)
        assert found == oracle.daa_by(events, days, zone, min_tasks, name)
        assert len({value for value, _ in found}) == 2
        assert sum(day.delivering for _, day in found) > 0 or min_tasks > 1
    weeks = {cohort.week: list(cohort.retained) for cohort in queries.retention(tenant, period)}
    assert weeks == oracle.retention(events, days[0], days[-1] + timedelta(days=1), zone, min_tasks)


def assert_agent_days_are_metered(tenant: Tenant, period: Period, days: list[ActiveDay]) -> None:
    for metric, expected in (
        ("active_agent_days", sum(day.active for day in days)),
        ("delivering_agent_days", sum(day.delivering for day in days)),
    ):
        [whole] = queries.meter_quantities(tenant, parse_meter({"metric": metric}), period)
        by_agent = queries.meter_quantities(
            tenant, parse_meter({"metric": metric, "group_by": ["agent"]}), period
        )
        assert whole.quantity == sum(found.quantity for found in by_agent) == expected


@pytest.mark.parametrize(
    ("zone", "hours"), [("Europe/Berlin", {23: 1, 25: 1}), ("Asia/Kolkata", {})]
)
def test_each_event_is_of_one_day_though_days_differ_in_length(
    zone: str, hours: dict[int, int], make_tenant: Callable[..., Tenant], event: Events, send: Send
) -> None:
    """An event each hour for the days around both changes of the clock."""
    tenant = make_tenant(timezone=zone)
    starts = [datetime(2026, 3, 27, tzinfo=UTC), datetime(2025, 10, 24, tzinfo=UTC)]
    send(
        tenant,
        [
            event("custom.beat", start + timedelta(hours=n), value=1)
            for start in starts
            for n in range(5 * 24)
        ],
    )
    meter = parse_meter({"type": "custom.beat", "aggregation": "count"})
    lengths = []
    for start in starts:
        for n in range(1, 4):
            day = start.date() + timedelta(days=n)
            period = range_period(day, day + timedelta(days=1), zone)
            [found] = queries.meter_quantities(tenant, meter, period)
            assert found.quantity == period.seconds / 3600
            lengths.append(int(found.quantity))
    assert {length: lengths.count(length) for length in lengths if length != 24} == hours


def test_the_edge_of_a_day_is_half_open(
    make_tenant: Callable[..., Tenant], event: Events, send: Send, roll: Roll
) -> None:
    """Midnight in Kolkata is 18:30 UTC, amid an hour of the rollups."""
    tenant = make_tenant(timezone="Asia/Kolkata")
    edge = datetime(2026, 10, 9, 18, 30, tzinfo=UTC)
    for shift in (-1000, 0, 1000):
        at = edge + timedelta(microseconds=shift)
        send(tenant, [event.task(at, f"t{shift}", agent=f"a{shift}")])
        send(tenant, [event.tokens(at, task=f"t{shift}", agent=f"a{shift}", input_tokens=1)])
    roll(tenant)
    days = queries.daa(tenant, range_period(date(2026, 10, 9), date(2026, 10, 12), "Asia/Kolkata"))
    assert [(day.active, day.delivering, day.new) for day in days] == [
        (1, 1, 1),
        (2, 2, 2),
        (0, 0, 0),
    ]
    for day, count in ((9, 1), (10, 2)):
        period = range_period(date(2026, 10, day), date(2026, 10, day + 1), "Asia/Kolkata")
        [(_, calls)] = queries.priced_calls(tenant, period)
        assert calls.requests == count
        [row] = queries.usage(tenant, period)
        assert (row.requests, row.succeeded_tasks) == (count, count)


def test_an_outcome_moves_to_the_day_of_a_later_event(
    tenant: Tenant, event: Events, send: Send, roll: Roll
) -> None:
    october = month_period("2026-10", "UTC")

    def delivering() -> list[int]:
        roll(tenant)
        return [day.date.day for day in queries.daa(tenant, october) if day.delivering]

    send(tenant, [event.task("2026-10-05T10:00:00Z", "t", "succeeded")])
    assert delivering() == [5]
    send(tenant, [event.task("2026-10-07T10:00:00Z", "t", "succeeded")])
    assert delivering() == [7]
    send(tenant, [event.task("2026-10-06T10:00:00Z", "t", "failed")])
    assert delivering() == [7]
    send(tenant, [event.task("2026-11-02T10:00:00Z", "t", "failed")])
    assert delivering() == []
    # At the same instant the greater (source, id) is the later one.
    send(tenant, [event.task("2026-11-02T10:00:00Z", "t", "succeeded", source="u")])
    assert delivering() == []
    november = queries.daa(tenant, month_period("2026-11", "UTC"))
    assert [day.date.day for day in november if day.delivering] == [2]


def test_another_zone_of_the_tenant_derives_its_days_again(
    tenant: Tenant, event: Events, send: Send, roll: Roll
) -> None:
    send(tenant, [event.task("2026-10-05T20:00:00Z", "t")])
    roll(tenant)
    october = month_period("2026-10", "UTC")
    assert [day.date.day for day in queries.daa(tenant, october) if day.active] == [5]
    tenant.timezone = "Asia/Shanghai"
    tenant.save()
    assert roll(tenant) == 1
    days = queries.daa(tenant, month_period("2026-10", "Asia/Shanghai"))
    assert [day.date.day for day in days if day.active] == [6]
    assert roll(tenant) == 0


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("from=yesterday", "from"),
        ("from=2026-13-01", "from"),
        ("to=2026-10-32", "to"),
        ("from=2026-10-02&to=2026-10-02", "to"),
        ("from=2026-10-02&to=2026-10-01", "to"),
        ("from=2020-01-01&to=2026-01-01", "to"),
        ("from=1066-10-14&to=1066-10-15", "from"),
        ("from=9999-12-31", "from"),
        # The day that this zone left out, when it moved across the date line.
        ("from=2011-12-30&to=2011-12-31", "from"),
    ],
)
def test_a_bad_range_is_400_and_named(
    query: str, field: str, make_tenant: Callable[..., Tenant], api: Callable[[Tenant], Client]
) -> None:
    answer = api(make_tenant(timezone="Pacific/Apia")).get(f"/api/v1/daa?{query}")
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert list(answer.json()["errors"]) == [field]


def test_a_range_over_a_day_that_never_was_is_fine(
    make_tenant: Callable[..., Tenant], api: Callable[[Tenant], Client]
) -> None:
    client = api(make_tenant(timezone="Pacific/Apia"))
    rows = client.get("/api/v1/daa?from=2011-12-29&to=2012-01-01").json()["rows"]
    assert [row["date"] for row in rows] == ["2011-12-29", "2011-12-31"]
