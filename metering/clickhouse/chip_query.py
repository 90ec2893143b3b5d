"""Intervals of chips: everything that reaches into a period, wherever its event stands in time."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from metering.clickhouse.connection import select, stream
from metering.clickhouse.event_columns import from_micros, micros
from metering.clickhouse.scope import Bound, Scope, TenantsScope
from metering.usage.burst_level import CHIP_PLACES, ChipInterval
from metering.usage.period import Period

# Whole units of 10^-18 chip: the driver makes integers of them ten times as fast as Decimals.
_UNITS = f"toInt128(toDecimal256(count, {CHIP_PLACES}) * toInt128('1{'0' * CHIP_PLACES}'))"


def _reaching_into(period: Period, stretch: timedelta) -> tuple[str, Bound]:
    """The condition on intervals that touch the period once stretched by at most `stretch`."""
    return (
        "assumeNotNull(started_at) < fromUnixTimestamp64Micro(%(period_end)s)"
        " AND assumeNotNull(ended_at) >= fromUnixTimestamp64Micro(%(reach_start)s)",
        {
            "period_end": micros(period.end),
            "reach_start": max(0, micros(period.start - stretch)),
        },
    )


def chip_intervals(
    scope: Scope, chip: str, period: Period, stretch: timedelta
) -> Iterator[ChipInterval]:
    """The intervals of one chip type that reach into the period, in order of their start."""
    reaching, bound = _reaching_into(period, stretch)
    sql = (
        "SELECT toUnixTimestamp64Micro(assumeNotNull(started_at)) AS begun,"
        f" toUnixTimestamp64Micro(assumeNotNull(ended_at)), {_UNITS}, toString(phase), 1"
        f" FROM events WHERE {scope.where} AND chip = %(chip)s AND {reaching} ORDER BY begun"
    )
    return map(ChipInterval._make, stream(sql, scope.params | bound | {"chip": chip}))


def chips_used(scope: Scope, period: Period) -> list[str]:
    """The chip types with an interval in the period, by name."""
    reaching, bound = _reaching_into(period, timedelta(0))
    sql = f"SELECT DISTINCT chip FROM events WHERE {scope.where} AND {reaching} ORDER BY chip"
    return [chip for (chip,) in select(sql, scope.params | bound)]


def chips_of(scope: TenantsScope, period: Period) -> dict[int, list[str]]:
    """The same of several tenants."""
    reaching, bound = _reaching_into(period, timedelta(0))
    sql = (
        f"SELECT DISTINCT tenant, chip FROM events WHERE {scope.where} AND type = 'agent.chip'"
        f" AND {reaching} ORDER BY tenant, chip"
    )
    found: dict[int, list[str]] = {}
    for tenant, chip in select(sql, scope.params | bound):
        found.setdefault(tenant, []).append(chip)
    return found


def chips_begun(since: Mapping[int, int], until: datetime) -> dict[int, datetime]:
    """By tenant the earliest start of an interval received, or beaten, from a moment (µs) on."""
    recent = (
        "fromUnixTimestamp64Micro(transform(tenant, %(ids)s, %(since)s::Array(Int64), 0::Int64))"
    )
    noted = " UNION ALL ".join(
        f"SELECT tenant, identity, commit FROM {table}"
        f" WHERE tenant IN %(tenants)s AND received_at >= {recent}"
        for table in ("superseded", "amended")
    )
    sql = (
        "SELECT tenant, toUnixTimestamp64Micro(min(assumeNotNull(started_at))) FROM events"
        " WHERE tenant IN %(tenants)s AND type = 'agent.chip'"
        " AND received_at < fromUnixTimestamp64Micro(%(until)s)"
        f" AND (received_at >= {recent} OR (tenant, identity, commit) IN ({noted}))"
        " GROUP BY tenant"
    )
    bound: Bound = {
        "tenants": tuple(since),
        "ids": list(since),
        "since": list(since.values()),
        "until": micros(until),
    }
    return {tenant: from_micros(begun) for tenant, begun in select(sql, bound)} if since else {}


def chips_received(scope: Scope, chip: str, started_before: datetime, since: datetime) -> bool:
    """Whether an interval that begins before a moment was received from another one on."""
    sql = (
        f"SELECT 1 FROM events WHERE {scope.where} AND chip = %(chip)s"
        " AND assumeNotNull(started_at) < fromUnixTimestamp64Micro(%(started_before)s)"
        " AND received_at >= fromUnixTimestamp64Micro(%(since)s) LIMIT 1"
    )
    bound = {"chip": chip, "started_before": micros(started_before), "since": micros(since)}
    return bool(select(sql, scope.params | bound))
