"""Derives the rollup_ tables from events, an hour at a time, and only the hours events touched.

Rows of an hour are written under a new generation, which is named last; see
schema/0005_rollup_generations.sql. Throwing every rollup away and running this again gives the
same rows.
"""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from django.conf import settings

from metering.clickhouse.barrier import store_now
from metering.clickhouse.call_slices import slices_and_blocks
from metering.clickhouse.calls_query import CALL_COLUMNS, calls_sql, unshared_calls_sql
from metering.clickhouse.cluster import on_cluster, stored
from metering.clickhouse.commit import settle_received
from metering.clickhouse.connection import command, insert, select
from metering.clickhouse.day_rollup import DayRollup
from metering.clickhouse.event_columns import micros
from metering.clickhouse.generations import CURRENT, NAMED_BY
from metering.clickhouse.ledger import derive_lines, forget_old_lines
from metering.clickhouse.meter_days import forget_old_generations as forget_old_days
from metering.clickhouse.scope import Bound, Scope, has_superseded
from metering.usage.period import Period

HOUR = timedelta(hours=1)
# Hours of a week are derived together, so that the look-back over the reuse window is read once,
# unless they hold more than a step should keep in memory.
_WIDEST_STEP = timedelta(days=7)
_MOST_EVENTS_A_STEP = 1_000_000
# Only rows that nobody can be reading or still writing are removed.
_KEEP_OLD_GENERATIONS = timedelta(days=1)
_CALLS = f"""
    SELECT * FROM rollup_calls WHERE {CURRENT}
        AND time >= fromUnixTimestamp64Micro(%(start)s)
        AND time < fromUnixTimestamp64Micro(%(end)s)
        AND hour >= toStartOfHour(fromUnixTimestamp64Micro(%(start)s, 'UTC'))
        AND hour <= toStartOfHour(fromUnixTimestamp64Micro(%(end)s, 'UTC'))
"""
_WASTED = f"""
    SELECT task FROM rollup_tasks WHERE {CURRENT}
    GROUP BY task HAVING argMax(status, (time, source, id)) IN ('failed', 'cancelled')
"""


def rollup_calls_sql(tenant: int, timezone: str, period: Period) -> tuple[str, str, Bound]:
    """A SELECT of the period's calls, one of the tasks that came to nothing, and their values."""
    scope = Scope(tenant=tenant, timezone=timezone, period=period)
    return _CALLS, _WASTED, scope.params


@dataclass(frozen=True, slots=True)
class Stale:
    """Hours of a tenant whose rollups are out of date, and until when events were looked at."""

    tenant: int
    timezone: str
    hours: tuple[datetime, ...]
    events: dict[datetime, int]
    until: datetime
    since: int


def stale_hours(tenant: int, timezone: str, until: datetime) -> Stale:
    """What must be derived again to take in every event received before `until`."""
    since = scanned_until(tenant, timezone) if _has_days(tenant) else 0
    settle_received(tenant, since, micros(until))
    rows = select(
        "SELECT hour, max(blocks), sum(n) FROM ("
        " SELECT toStartOfHour(time) AS hour, max(notEmpty(prefix_blocks)) AS blocks, count() AS n"
        " FROM events"
        " WHERE tenant = %(tenant)s AND received_at >= fromUnixTimestamp64Micro(%(since)s)"
        " AND received_at < fromUnixTimestamp64Micro(%(until)s) GROUP BY hour"
        " UNION ALL SELECT DISTINCT toStartOfHour(time) AS hour, 1, 1 FROM superseded"
        " WHERE tenant = %(tenant)s AND received_at >= fromUnixTimestamp64Micro(%(since)s)"
        " UNION ALL SELECT DISTINCT toStartOfHour(time) AS hour, 1, 1 FROM amended"
        " WHERE tenant = %(tenant)s AND received_at >= fromUnixTimestamp64Micro(%(since)s)"
        ") GROUP BY hour ORDER BY hour",
        {"tenant": tenant, "since": since, "until": micros(until)},
    )
    touched = {hour.replace(tzinfo=UTC): events for hour, _, events in rows}
    with_blocks = [hour.replace(tzinfo=UTC) for hour, blocks, _ in rows if blocks]
    hours = touched.keys() | _hours_that_may_reuse(tenant, with_blocks)
    return Stale(tenant, timezone, tuple(sorted(hours)), touched, until, since)


def settled_now(tenant: int) -> datetime:
    """`store_now`, before which every identity of the tenant counts once and for ever.

    A writer killed before its second look leaves an identity twice until somebody looks for it.
    """
    now = store_now()
    settle_received(tenant, scanned_until(tenant), micros(now))
    return now


def scanned_until(tenant: int, timezone: str = "") -> int:
    """Until when events are in the rollups, in any zone unless one is given."""
    rows = select(
        "SELECT toUnixTimestamp64Micro(scanned_until), timezone FROM rollup_scans"
        " WHERE tenant = %(tenant)s ORDER BY scanned_until DESC LIMIT 1",
        {"tenant": tenant},
    )
    return int(rows[0][0]) if rows and timezone in {"", rows[0][1]} else 0


def _has_days(tenant: int) -> bool:
    """Whether any day was derived; not so where the rollups are older than days are."""
    sql = "SELECT 1 FROM rollup_days WHERE tenant = %(tenant)s LIMIT 1"
    return bool(select(sql, {"tenant": tenant}))


def _hours_that_may_reuse(tenant: int, hours: list[datetime]) -> set[datetime]:
    """Hours with calls, within the reuse window after any of `hours`."""
    if not hours:
        return set()
    window = timedelta(seconds=settings.REUSE_WINDOW_SECONDS)
    rows = select(
        "SELECT DISTINCT toStartOfHour(time) FROM events WHERE tenant = %(tenant)s"
        " AND type = 'agent.tokens' AND time >= fromUnixTimestamp64Micro(%(start)s)"
        " AND time < fromUnixTimestamp64Micro(%(end)s)",
        {
            "tenant": tenant,
            "start": micros(min(hours)),
            "end": micros(max(hours) + window + 2 * HOUR),
        },
    )
    calls = {hour.replace(tzinfo=UTC) for (hour,) in rows}
    steps = range(window // HOUR + 2)
    return {hour + n * HOUR for hour in hours for n in steps} & calls


def derive(stale: Stale) -> Iterator[int]:
    """Write and publish the stale hours; yields how many hours each step did."""
    without_superseded = has_superseded(stale.tenant)
    generation = micros(stale.until) * 1024 + secrets.randbelow(1024)
    for step in _steps(stale):
        scope = Scope(
            tenant=stale.tenant,
            timezone=stale.timezone,
            period=Period(step[0], step[-1] + HOUR),
            received_before=stale.until,
            without_superseded=without_superseded,
        )
        _derive_step(scope, step, generation)
        _publish(stale, step, generation)
        yield len(step)
    _derive_days(stale, generation, without_superseded)
    _derive_ledger(stale, without_superseded=without_superseded)
    insert(
        "rollup_scans",
        ["tenant", "scanned_until", "timezone"],
        [[stale.tenant], [micros(stale.until)], [stale.timezone]],
    )


def _derive_ledger(stale: Stale, *, without_superseded: bool) -> None:
    """The lines of the tasks that new events touched; hours that may only reuse have none."""
    scope = Scope(
        tenant=stale.tenant,
        timezone=stale.timezone,
        received_before=stale.until,
        without_superseded=without_superseded,
    )
    if stale.events:
        derive_lines(scope, stale.since, sorted(stale.events), sum(stale.events.values()))


def _steps(stale: Stale) -> Iterator[list[datetime]]:
    """Hours that are derived by one query each table."""
    step: list[datetime] = []
    events = 0
    for hour in stale.hours:
        too_wide = step and hour - step[0] >= _WIDEST_STEP
        if too_wide or events > _MOST_EVENTS_A_STEP:
            yield step
            step, events = [], 0
        step.append(hour)
        events += stale.events.get(hour, 0)
    if step:
        yield step


def _derive_step(scope: Scope, hours: list[datetime], generation: int) -> None:
    """The scope spans the hours; those between them that are not stale are left alone."""
    calls = replace(scope, types=("agent.tokens",))
    for part, blocks in slices_and_blocks(calls):
        within = [hour for hour in hours if part.start - HOUR < hour < part.end]
        if within:
            columns = (*CALL_COLUMNS, "prompt", "reusable_tokens")
            query = _calls(replace(calls, period=part), blocks)
            _write("rollup_calls", columns, query, within, generation)
    _write("rollup_tasks", _TASK_COLUMNS, _tasks(scope), hours, generation)
    _write("rollup_agents", ("day", "agent", "events"), _agents(scope), hours, generation)


def _write(
    table: str,
    columns: tuple[str, ...],
    query: tuple[str, Bound],
    hours: list[datetime],
    generation: int,
) -> None:
    sql, bound = query
    hour = "toStartOfHour(time)" if table == "rollup_calls" else "hour"
    command(
        f"INSERT INTO {table} (tenant, hour, generation, {', '.join(columns)})"
        f" SELECT %(tenant)s, {hour}, %(generation)s, {', '.join(columns)} FROM ({sql})"
        f" WHERE toUnixTimestamp({hour}) IN %(hours)s",
        bound | {"generation": generation, "hours": [int(h.timestamp()) for h in hours]},
        max_partitions_per_insert_block=0,
    )


_TASK_COLUMNS = (
    "task",
    "time",
    "source",
    "id",
    "agent",
    "status",
    "parent_task",
    "session",
    "fingerprint",
    "labels",
)


def _calls(scope: Scope, blocks: int) -> tuple[str, Bound]:
    """Without any prefix block there is nothing to look for in the calls before."""
    if not blocks:
        return unshared_calls_sql(scope)
    return calls_sql(scope, timedelta(seconds=settings.REUSE_WINDOW_SECONDS))


def _tasks(scope: Scope) -> tuple[str, Bound]:
    """The last event of each task in each hour."""
    scope = replace(scope, types=("agent.task",))
    columns = ", ".join(_TASK_COLUMNS)
    sql = (
        f"SELECT toStartOfHour(time) AS hour, {columns} FROM events WHERE {scope.where}"
        " ORDER BY time DESC, source DESC, id DESC LIMIT 1 BY hour, task"
    )
    return sql, scope.params


def _agents(scope: Scope) -> tuple[str, Bound]:
    sql = (
        "SELECT toStartOfHour(time) AS hour, toDate(time, %(timezone)s) AS day, agent,"
        f" count() AS events FROM events WHERE {scope.where} AND agent != ''"
        " GROUP BY hour, day, agent"
    )
    return sql, scope.params


def _derive_days(stale: Stale, generation: int, without_superseded: bool) -> None:
    DayRollup(
        tenant=stale.tenant,
        timezone=stale.timezone,
        since=stale.since,
        until=stale.until,
        events=stale.events,
        generation=generation,
        min_tasks=settings.DAA_MIN_TASKS,
        without_superseded=without_superseded,
    ).derive()


def _publish(stale: Stale, hours: list[datetime], generation: int) -> None:
    insert(
        "rollup_generations",
        ["tenant", "hour", "generation", "timezone"],
        [
            [stale.tenant] * len(hours),
            hours,
            [generation] * len(hours),
            [stale.timezone] * len(hours),
        ],
    )


def forget_scans(tenant: int) -> None:
    """Take every hour of the tenant for stale, so that all of them are derived again."""
    for table in ("rollup_scans", "rollup_meter_scans"):
        command(
            f"DELETE FROM {stored(table)}{on_cluster()} WHERE tenant = %(tenant)s",
            {"tenant": tenant},
        )


def forget_old_generations() -> None:
    """Remove rollup rows that a newer generation replaced at least a day ago."""
    oldest = datetime.now(UTC) - _KEEP_OLD_GENERATIONS
    bound = {"oldest": micros(oldest) * 1024}
    forget_old_lines(bound["oldest"])
    forget_old_days()
    for table, (column, named) in NAMED_BY.items():
        replaced = _REPLACED.format(column=column, generations=stored(named))
        # A deletion writes to every part it may concern; mostly only this month's has any.
        sql = f"SELECT DISTINCT _partition_id FROM {table} {replaced}"
        for (month,) in select(sql, bound):
            command(
                f"DELETE FROM {stored(table)}{on_cluster()} IN PARTITION ID %(month)s {replaced}",
                bound | {"month": month},
            )


_REPLACED = """
    WHERE generation < %(oldest)s AND (tenant, {column}, generation) NOT IN (
        SELECT tenant, {column}, max(generation) FROM {generations} GROUP BY tenant, {column}
    )
"""
