"""Rollups: derived twice, at once, half, anew or swept, they say what the events say."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from metering import queries
from metering.clickhouse import connection, generations, rollup
from metering.clickhouse.barrier import store_now
from metering.ingest import Report, ingest
from metering.models import Tenant
from metering.rollups import roll_up
from metering.usage.period import Period, month_period
from tests.conftest import Events, encode
from tests.metering.test_active_numbers import random_fleet as fleet_of_agents
from tests.metering.test_efficiency_numbers import random_fleet as fleet_of_calls
from tests.metering.test_identity import at_once

Send = Callable[[Tenant, list[dict[str, Any]]], Report]
Roll = Callable[[Tenant], int]
START = datetime(2026, 10, 1, tzinfo=UTC)
OCTOBER = month_period("2026-10", "UTC")


def fleet(event: Events, seed: int) -> list[dict[str, Any]]:
    agents = fleet_of_agents(event, seed, datetime(2026, 8, 20, tzinfo=UTC))
    return [e for e in agents if "2026-10-01" < e["time"] < "2026-10-22"] + fleet_of_calls(
        event, seed
    )


def numbers(tenant: Tenant) -> list[Any]:
    return [
        queries.daa(tenant, OCTOBER),
        queries.priced_calls(tenant, OCTOBER, ("agent", "day")),
        queries.priced_calls(tenant, OCTOBER, thresholds=(50,)),
    ]


def rows(table: str, tenant: Tenant, condition: str = "1") -> int:
    [(count,)] = connection.select(
        f"SELECT count() FROM {table} WHERE tenant = %(tenant)s AND {condition}",
        {"tenant": tenant.pk},
    )
    return int(count)


def test_a_second_run_changes_nothing(
    tenant: Tenant, event: Events, send: Send, roll: Roll
) -> None:
    send(tenant, fleet(event, 1))
    assert roll(tenant) > 30
    before = numbers(tenant)
    size = [rows(table, tenant) for table in generations.NAMED_BY]
    assert roll(tenant) == 0
    assert numbers(tenant) == before
    assert [rows(table, tenant) for table in generations.NAMED_BY] == size


def test_workers_at_once_give_the_numbers_of_one(
    make_tenant: Callable[..., Tenant], event: Events, send: Send, roll: Roll
) -> None:
    """Also while events arrive: who comes later takes in what was missed."""
    alone, crowded = make_tenant(), make_tenant()
    events = fleet(event, 2)
    send(alone, events)
    roll(alone)
    parts = [encode(events[n::3]) for n in range(3)]
    jobs: list[Callable[[], Any]] = [lambda part=part: ingest(crowded, part) for part in parts]  # type: ignore[misc]
    at_once([*jobs, *[lambda: roll_up([crowded])] * 3])
    at_once([lambda: roll_up([crowded])] * 3)
    assert numbers(crowded) == numbers(alone)


def test_a_run_killed_before_it_published_is_not_seen(
    tenant: Tenant, event: Events, send: Send, roll: Roll, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = fleet(event, 3)
    send(tenant, events[:100])
    roll(tenant)
    before = numbers(tenant)
    send(tenant, events[100:])

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(rollup, "_publish", killed)
        with pytest.raises(KeyboardInterrupt):
            roll(tenant)
    assert numbers(tenant) == before
    assert roll(tenant) > 0
    expected = numbers(tenant)
    assert expected != before
    roll_anew(tenant)
    assert numbers(tenant) == expected


def test_a_run_killed_between_two_steps_is_finished_by_the_next(
    tenant: Tenant, event: Events, send: Send, roll: Roll
) -> None:
    send(tenant, fleet(event, 4))
    stale = rollup.stale_hours(tenant.pk, "UTC", store_now())
    assert 0 < next(rollup.derive(stale)) < len(stale.hours)
    assert roll(tenant) == len(stale.hours)
    expected = numbers(tenant)
    roll_anew(tenant)
    assert numbers(tenant) == expected


def test_at_once_and_bit_by_bit_are_the_same(
    make_tenant: Callable[..., Tenant], event: Events, send: Send, roll: Roll
) -> None:
    whole, parts = make_tenant(), make_tenant()
    events = fleet(event, 5)
    for n in range(3):
        send(parts, events[n::3])
        roll(parts)
    send(whole, events)
    assert all(day.active == 0 for day in queries.daa(whole, OCTOBER))
    roll(whole)
    assert numbers(whole) == numbers(parts)


def test_steps_of_an_hour_and_of_a_week_are_the_same(
    tenant: Tenant, event: Events, send: Send, roll: Roll, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(tenant, fleet_of_calls(event, 6))
    roll(tenant)
    before = numbers(tenant)
    rollup.forget_scans(tenant.pk)
    monkeypatch.setattr(rollup, "_MOST_EVENTS_A_STEP", 40)
    stale = rollup.stale_hours(tenant.pk, "UTC", store_now())
    assert len(list(rollup._steps(stale))) > 3
    roll(tenant)
    assert numbers(tenant) == before


def test_hours_between_two_stale_ones_are_left_alone(
    tenant: Tenant, event: Events, send: Send, roll: Roll
) -> None:
    at = [START + timedelta(hours=n) for n in range(5)]
    send(tenant, [event.task(moment, f"t{n}") for n, moment in enumerate(at)])
    assert roll(tenant) == 5
    late = [event.task(at[0], "early"), event.task(at[4], "late")]
    send(tenant, late)
    assert roll(tenant) == 2
    # Two tasks in the hours at the ends, each in a new generation; one in the three between.
    assert rows("rollup_tasks", tenant) == 5 + 4
    days = queries.daa(tenant, Period(START, START + timedelta(days=1)))
    assert [day.delivering for day in days] == [1]
    found = queries.usage(tenant, Period(START, START + timedelta(days=1)))
    assert [row.succeeded_tasks for row in found] == [7]


def test_only_replaced_rows_are_swept(
    make_tenant: Callable[..., Tenant],
    event: Events,
    send: Send,
    roll: Roll,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one, other = make_tenant(), make_tenant()
    events = fleet(event, 7)
    send(one, events)
    roll(one)
    current = {table: rows(table, one) for table in generations.NAMED_BY}
    roll_anew(one)
    send(other, events[:100])
    roll(other)
    before = [numbers(tenant) for tenant in (one, other)]
    doubled = {table: 2 * count for table, count in current.items()}

    rollup.forget_old_generations()  # not a day has passed
    assert {table: rows(table, one) for table in generations.NAMED_BY} == doubled

    monkeypatch.setattr(rollup, "_KEEP_OLD_GENERATIONS", -timedelta(hours=1))
    rollup.forget_old_generations()
    assert {table: rows(table, one) for table in generations.NAMED_BY} == current
    assert [numbers(tenant) for tenant in (one, other)] == before


def roll_anew(tenant: Tenant) -> None:
    rollup.forget_scans(tenant.pk)
    roll_up([tenant])


def test_a_late_call_changes_what_followed_it_within_the_reuse_window(
    tenant: Tenant, event: Events, send: Send, roll: Roll
) -> None:
    """The hours of the two calls within 24 hours are derived again, the third is not."""
    blocks: dict[str, Any] = {"input_tokens": 10, "prefix_blocks": ["a"], "block_tokens": 10}
    hours = [20, 43, 60]
    send(tenant, [event.tokens(START + timedelta(hours=n), **blocks) for n in hours])
    assert roll(tenant) == 3
    send(tenant, [event.tokens(START + timedelta(hours=19, minutes=59), **blocks)])
    assert roll(tenant) == 3  # its own, and those at 20 and 43
    [(_, calls)] = queries.priced_calls(tenant, Period(START, START + timedelta(hours=21)))
    assert calls.reusable_tokens == 10


def test_progress_is_told(tenant: Tenant, event: Events, send: Send) -> None:
    send(tenant, [event.task(START + timedelta(days=10 * n), f"t{n}") for n in range(3)])
    told: list[tuple[Tenant, int, int]] = []
    assert roll_up([tenant], lambda *step: told.append(step)) == 3
    assert told == [(tenant, 1, 3), (tenant, 2, 3), (tenant, 3, 3)]
