"""Totals are equal whatever is sent twice, in whatever order, before and after merges."""

import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from metering import queries
from metering.clickhouse.connection import command
from metering.ingest import Report
from metering.models import Tenant
from metering.usage.period import month_period
from tests.conftest import Events

Send = Callable[[Tenant, list[dict[str, Any]]], Report]
Roll = Callable[[Tenant], int]
OCTOBER = month_period("2026-10", "UTC")


def _month(event: Events) -> list[dict[str, Any]]:
    events = []
    for n in range(60):
        at = f"2026-10-{n % 30 + 1:02}T12:00:{n % 60:02}Z"
        events += [
            event.tokens(at, agent=f"a{n % 7}", task=f"t{n}", input_tokens=n, output_tokens=1),
            event.task(at, f"t{n}", "succeeded" if n % 3 else "failed", agent=f"a{n % 7}"),
            event.chip(at, at.replace("12:00", "12:01"), agent=f"a{n % 7}", count="1.5"),
            event("agent.tool", at, f"a{n % 7}", tool="search"),
            event("custom.pages", at, f"a{n % 7}", value="0.1"),
            event("agent.cache", at, f"a{n % 7}", cache="semantic", hit=True, saved_tokens=5),
        ]
    return events


def _numbers(tenant: Tenant, roll: Roll) -> tuple[Any, ...]:
    roll(tenant)
    return (
        queries.usage(tenant, OCTOBER),
        queries.usage(tenant, OCTOBER, ("agent", "model")),
        queries.daa(tenant, OCTOBER),
        queries.priced_calls(tenant, OCTOBER),
    )


def test_a_resend_with_another_time_changes_no_total(
    tenant: Tenant, event: Events, send: Send, roll: Roll
) -> None:
    events = _month(event)
    assert send(tenant, events).accepted == 360
    numbers = _numbers(tenant, roll)
    assert numbers[0][0].input_tokens == sum(range(60))
    assert numbers[0][0].chip_seconds == Decimal(60 * 60 * 3) / 2

    again = [dict(e, time="2026-09-01T00:00:00Z") for e in events]
    random.Random(1).shuffle(again)
    report = send(tenant, again + events)
    assert (report.accepted, report.duplicates, report.conflicts) == (0, 720, 360)
    assert _numbers(tenant, roll) == numbers

    command("OPTIMIZE TABLE events FINAL")
    assert _numbers(tenant, roll) == numbers


def test_the_order_of_arrival_changes_no_total(
    make_tenant: Callable[..., Tenant], event: Events, send: Send, roll: Roll
) -> None:
    events = _month(event)
    one, other = make_tenant(), make_tenant()
    send(one, events)
    random.Random(2).shuffle(events)
    for start in range(0, len(events), 50):
        send(other, events[start : start + 50] + events[:20])
        if start == 100:
            roll(other)
    assert _numbers(one, roll) == _numbers(other, roll)
