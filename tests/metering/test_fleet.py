"""`manage.py fleet`: all tenants' agents, estimated from the sketches of their days."""

import json
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from metering import queries
from metering.clickhouse import connection
from metering.clickhouse.fleet_query import FleetDay, FleetQuery
from metering.ingest import Report
from metering.models import Tenant
from metering.usage.period import range_period
from tests.conftest import Events

Send = Callable[[Tenant, list[dict[str, Any]]], Report]
Roll = Callable[[Tenant], int]


def test_tenants_are_added_up_and_days_merged(
    make_tenant: Callable[..., Tenant],
    event: Events,
    send: Send,
    roll: Roll,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """In a year that no other test has events of."""
    one, other = make_tenant(), make_tenant(timezone="Asia/Tokyo")
    send(one, [event.task("1984-03-01T12:00:00Z", "t"), event.tokens("1984-03-08T12:00:00Z")])
    # Another tenant's agent of the same name is another one; 15:00 is tomorrow in Tokyo.
    send(other, [event.task("1984-02-29T15:00:00Z", "t"), event.tokens("1984-03-01T12:00:00Z")])
    send(other, [event.task("1984-03-01T15:00:00Z", "u", agent="bob")])
    for tenant in (one, other):
        roll(tenant)
    expected = [
        FleetDay(date(1984, 3, 1), 2, 2, 2, 2),
        FleetDay(date(1984, 3, 2), 1, 1, 3, 3),
    ]
    week = [FleetDay(date(1984, 3, 8), 1, 0, 1, 3)]
    assert FleetQuery(start=date(1984, 3, 1), end=date(1984, 3, 3)).rows() == expected
    assert FleetQuery(start=date(1984, 3, 8), end=date(1984, 3, 9)).rows() == week
    # Derived again, nothing is added twice.
    call_command("rollup", tenant=other.slug, rebuild=True)
    capsys.readouterr()
    call_command("fleet", "--from", "1984-03-01", "--to", "1984-03-03", "--json")
    assert json.loads(capsys.readouterr().out) == [
        day._asdict() | {"date": day.date.isoformat()} for day in expected
    ]
    call_command("fleet", "--from", "1984-03-08", "--to", "1984-03-09")
    assert capsys.readouterr().out.splitlines()[1].split() == ["1984-03-08", "1", "0", "1", "3"]
    period = range_period(date(1984, 3, 1), date(1984, 3, 3), "Asia/Tokyo")
    assert [day.active for day in queries.daa(other, period)] == [1, 1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--from", "1984-03-02", "--to", "1984-03-02"], "must be after"),
        (["--from", "March"], "'March' is not a date such as 2026-10-01"),
    ],
)
def test_a_bad_range_is_one_sentence(options: list[str], message: str) -> None:
    with pytest.raises(CommandError, match=message):
        call_command("fleet", *options)


@pytest.mark.parametrize("seed", range(3))
def test_a_million_agents_are_told_within_one_percent(migrated_store: None, seed: int) -> None:
    """Half of them deliver; the other half is on the day before, so that 30 days have them all."""
    day = date(1975, 6, 10 + 2 * seed)
    connection.command(
        "INSERT INTO rollup_days (tenant, day, generation, timezone, active, delivering)"
        " SELECT %(seed)s, toDate(%(day)s) - number % 2 AS local, 1, 'UTC',"
        " uniqCombined64State(17)(reinterpretAsUInt128(sipHash128(number, %(seed)s))) AS agents,"
        " agents FROM numbers(1000000) GROUP BY local".replace(" % 2", " %% 2"),
        {"seed": 10_000 + seed, "day": day},
    )
    [found] = FleetQuery(start=day, end=date.fromordinal(day.toordinal() + 1)).rows()
    assert abs(found.active - 500_000) < 5_000
    assert abs(found.waa - 1_000_000) < 10_000 or seed
    assert abs(found.maa - 1_000_000 * (seed + 1)) < 10_000 * (seed + 1)
