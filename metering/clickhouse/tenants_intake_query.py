"""How the ingestion of all tenants stands: a query for each question, and none for each tenant."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from metering.clickhouse.connection import select
from metering.clickhouse.event_columns import from_micros, micros
from metering.clickhouse.quarantine import UNMETERED
from metering.clickhouse.quarantine_query import FAILED


class TenantIntake(NamedTuple):
    """What a tenant sent since a moment, as the door saw it; `last_hour` holds its last commit."""

    tenant: int
    last_hour: datetime
    received: int = 0
    duplicates: int = 0
    conflicts: int = 0
    quarantined: int = 0
    unmetered: int = 0


def intake_since(tenants: Sequence[int], since: datetime) -> list[TenantIntake]:
    """A row for each tenant that ever sent anything; the counts are of the hours from `since`."""
    recent = "hour >= toStartOfHour(fromUnixTimestamp64Micro(%(since)s, 'UTC'))"
    sums = ", ".join(
        f"sumIf({value}, {recent})"
        for value in ("received", "duplicates", "conflicts", "length(refused)", "unmetered")
    )
    rows = select(
        f"SELECT tenant, max(hour), {sums} FROM intake FINAL"
        " WHERE tenant IN %(tenants)s AND kind != 'derived' GROUP BY tenant ORDER BY tenant",
        {"tenants": tuple(tenants), "since": micros(since)},
    )
    return [TenantIntake(row[0], row[1].replace(tzinfo=UTC), *row[2:]) for row in rows]


def waiting_since(tenants: Sequence[int]) -> dict[int, tuple[int, int, datetime]]:
    """Of each tenant with entries that wait in quarantine: how many, unmetered, the oldest."""
    rows = select(
        "SELECT tenant, count(), countIf(startsWith(detail, %(unmetered)s)),"
        " toUnixTimestamp64Micro(min(received_at))"
        " FROM (SELECT tenant, reference, detail, received_at FROM quarantine FINAL"
        "  WHERE tenant IN %(tenants)s)"
        " WHERE (tenant, reference) NOT IN (SELECT tenant, reference FROM quarantine_actions"
        "  WHERE tenant IN %(tenants)s AND action != %(failed)s)"
        " GROUP BY tenant",
        {"tenants": tuple(tenants), "unmetered": UNMETERED, "failed": FAILED},
    )
    return {tenant: (n, unmetered, from_micros(at)) for tenant, n, unmetered, at in rows}


def rolled_up_until(tenants: Sequence[int]) -> dict[int, datetime]:
    """Until when what each tenant sent is in its rollups."""
    rows = select(
        "SELECT tenant, toUnixTimestamp64Micro(max(scanned_until)) FROM rollup_scans"
        " WHERE tenant IN %(tenants)s GROUP BY tenant",
        {"tenants": tuple(tenants)},
    )
    return {tenant: from_micros(until) for tenant, until in rows}
