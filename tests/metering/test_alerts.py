"""The alert of a low hit rate: when it fires, that it does so once, and when it is over."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError, transaction
from django.test import Client
from pytest_django import Settings

from metering import alerts
from metering.alerts import check_hit_rates, open_alert
from metering.clickhouse.connection import StoreUnavailable
from metering.ingest import Report
from metering.models import Alert, Tenant
from metering.tasks import check_alerts
from metering.usage.alert import HitRate, is_firing
from tests.conftest import Events

Send = Callable[[Tenant, list[dict[str, Any]]], Report]
NOON = datetime(2026, 10, 14, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """Noon, until it is moved."""
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.mark.parametrize(
    ("firing", "read", "requests", "expected"),
    [
        pytest.param(False, 6999, 100, True, id="just below 70 %"),
        pytest.param(False, 7000, 100, False, id="70 % is not below"),
        pytest.param(False, 0, 99, False, id="too few calls say nothing"),
        pytest.param(True, 7000, 100, True, id="it has not risen far enough"),
        pytest.param(True, 7499, 100, True, id="not yet"),
        pytest.param(True, 7500, 100, False, id="75 % ends it"),
        pytest.param(True, 0, 3, True, id="few calls do not end it"),
    ],
)
def test_when_there_is_an_alert(firing: bool, read: int, requests: int, expected: bool) -> None:
    measured = HitRate(requests, 10_000, read)
    assert is_firing(measured, 100, firing=firing) is expected


def test_without_a_call_there_is_none() -> None:
    assert not is_firing(HitRate(0, 0, 0), 0, firing=True)
    assert not is_firing(HitRate(0, 0, 0), 0, firing=False)


def test_rates_are_compared_exactly() -> None:
    """One token short of 70 % of 10^40: a quotient of 28 digits would say 0.7."""
    whole = 10**40
    assert is_firing(HitRate(100, whole, 7 * 10**39 - 1), 100, firing=False)
    assert not is_firing(HitRate(100, whole, 7 * 10**39), 100, firing=False)


def calls(event: Events, at: datetime, rate: int, number: int = 100) -> list[dict[str, Any]]:
    """Calls of 100 tokens, `rate` of them read from a cache."""
    return [
        event.tokens(at, input_tokens=100 - rate, cache_read_tokens=rate) for _ in range(number)
    ]


def test_it_fires_once_stays_through_a_wavering_rate_and_ends(
    tenant: Tenant, event: Events, send: Send, clock: time_machine.Traveller
) -> None:
    send(tenant, calls(event, NOON - HOUR, 60))
    check_alerts()
    check_alerts()
    [alert] = Alert.objects.filter(tenant=tenant)
    assert (alert.state, alert.value, alert.fired_at) == ("firing", "0.6", NOON)

    # 72 % over 24 hours: (100 × 60 + 100 × 84) / 20,000
    clock.move_to(NOON + HOUR)
    send(tenant, calls(event, NOON, 84))
    check_alerts()
    [alert] = Alert.objects.filter(tenant=tenant)
    assert (alert.state, alert.value, alert.lowest) == ("firing", "0.72", "0.6")

    # 75 %: (6,000 + 8,400 + 100 × 81) / 30,000
    clock.move_to(NOON + 2 * HOUR)
    send(tenant, calls(event, NOON + HOUR, 81))
    check_alerts()
    [alert] = Alert.objects.filter(tenant=tenant)
    assert (alert.state, alert.value) == ("cleared", "0.75")
    assert (alert.fired_at, alert.cleared_at) == (NOON, NOON + 2 * HOUR)

    # Low again: a second alert.
    clock.move_to(NOON + 3 * HOUR)
    send(tenant, calls(event, NOON + 2 * HOUR, 0, 200))
    check_alerts()
    assert [a.state for a in Alert.objects.filter(tenant=tenant)] == ["firing", "cleared"]


def test_what_is_older_than_a_day_counts_no_more(
    tenant: Tenant, event: Events, send: Send, clock: time_machine.Traveller
) -> None:
    day = timedelta(days=1)
    send(tenant, calls(event, NOON - day, 0))
    send(tenant, calls(event, NOON - HOUR, 90))
    check_hit_rates([tenant])
    # The calls a day ago to the second are in: 45 %.
    assert open_alert(tenant) is not None
    clock.shift(timedelta(seconds=1))
    check_hit_rates([tenant])
    assert open_alert(tenant) is None
    clock.move_to(NOON + 2 * day)
    check_hit_rates([tenant])
    assert Alert.objects.count() == 1


def test_an_alert_ends_when_nothing_runs_any_more(
    tenant: Tenant, event: Events, send: Send, clock: time_machine.Traveller
) -> None:
    send(tenant, calls(event, NOON - HOUR, 0))
    check_hit_rates([tenant])
    clock.move_to(NOON + timedelta(days=2))
    check_hit_rates([tenant])
    [alert] = Alert.objects.all()
    assert (alert.state, alert.value, alert.lowest) == ("cleared", "", "0")


def test_three_calls_do_not_fire(
    tenant: Tenant,
    event: Events,
    send: Send,
    clock: time_machine.Traveller,
    settings: Settings,
) -> None:
    send(tenant, calls(event, NOON - HOUR, 0, 3))
    check_hit_rates([tenant])
    assert open_alert(tenant) is None
    settings.HIT_RATE_ALERT_MIN_REQUESTS = 3
    check_hit_rates([tenant])
    assert open_alert(tenant) is not None


def test_one_tenants_calls_are_no_others(
    make_tenant: Callable[..., Tenant], event: Events, send: Send, clock: time_machine.Traveller
) -> None:
    low, high = make_tenant(), make_tenant()
    send(low, calls(event, NOON - HOUR, 10))
    send(high, calls(event, NOON - HOUR, 90))
    check_alerts()
    assert [alert.tenant for alert in Alert.objects.all()] == [low]


def test_two_workers_that_find_the_same_make_one_alert(tenant: Tenant) -> None:
    """Both looked before either wrote."""
    for seconds in (0, 1):
        alerts._fire(tenant, HitRate(100, 100, 0), NOON + timedelta(seconds=seconds))
    assert Alert.objects.count() == 1
    [alert] = Alert.objects.all()
    with pytest.raises(IntegrityError), transaction.atomic():
        Alert.objects.create(
            tenant=tenant, kind=alert.kind, fired_at=NOON, checked_at=NOON, value="0", lowest="0"
        )


def test_a_worker_that_was_late_brings_nothing_back(tenant: Tenant) -> None:
    """It measured before the other one ended the alert, and comes after it."""
    low, high = HitRate(100, 100, 0), HitRate(100, 100, 90)
    alerts.settle(tenant, low, NOON)
    alerts.settle(tenant, high, NOON + HOUR)
    alerts.settle(tenant, low, NOON + HOUR / 2)
    assert open_alert(tenant) is None
    alerts.settle(tenant, low, NOON + 2 * HOUR)
    alerts.settle(tenant, high, NOON + HOUR)
    assert open_alert(tenant) is not None


def test_tokens_that_no_integer_of_a_database_holds(
    tenant: Tenant, event: Events, send: Send, clock: time_machine.Traveller
) -> None:
    most = [event.tokens(NOON - HOUR, input_tokens=2**53) for _ in range(1100)]
    send(tenant, most)
    check_hit_rates([tenant])
    assert open_alert(tenant) is not None


def test_a_store_that_is_down_is_tried_again(tenant: Tenant, store_down: None) -> None:
    with pytest.raises(StoreUnavailable):
        check_hit_rates([tenant])


def test_alerts_by_api(make_tenant: Callable[..., Tenant], api: Callable[[Tenant], Client]) -> None:
    mine, other = make_tenant(), make_tenant()
    for tenant in (mine, other):
        alerts.settle(tenant, HitRate(100, 1000, 600), NOON)
        alerts.settle(tenant, HitRate(100, 1000, 800), NOON + HOUR)
    alerts.settle(mine, HitRate(100, 1000, 500), NOON + 2 * HOUR)
    client = api(mine)
    rows = client.get("/api/v1/alerts").json()["rows"]
    assert [(row["state"], row["value"], row["lowest"]) for row in rows] == [
        ("firing", "0.5", "0.5"),
        ("cleared", "0.8", "0.6"),
    ]
    assert rows[1]["fired_at"] == "2026-10-14T12:00:00Z"
    assert rows[1]["cleared_at"] == "2026-10-14T13:00:00Z"
    assert (rows[0]["fires_below"], rows[0]["clears_at"]) == ("0.70", "0.75")
    firing = client.get("/api/v1/alerts?state=firing").json()
    assert [row["id"] for row in firing["rows"]] == [rows[0]["id"]]
    older = client.get(f"/api/v1/alerts?after={rows[0]['id']}").json()
    assert [row["id"] for row in older["rows"]] == [rows[1]["id"]]
    assert client.get("/api/v1/alerts?state=loud").status_code == 400
    assert client.get("/api/v1/alerts?after=x").status_code == 400


def test_alerts_come_a_page_at_a_time(tenant: Tenant, api: Callable[[Tenant], Client]) -> None:
    for n in range(101):
        alerts.settle(tenant, HitRate(100, 1000, 600), NOON + 2 * n * HOUR)
        alerts.settle(tenant, HitRate(100, 1000, 800), NOON + (2 * n + 1) * HOUR)
    client = api(tenant)
    first = client.get("/api/v1/alerts?state=cleared").json()
    second = client.get(first["next"]).json()
    assert (len(first["rows"]), len(second["rows"]), second["next"]) == (100, 1, None)
