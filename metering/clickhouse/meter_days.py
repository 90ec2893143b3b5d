"""Derives what tenants used on each local day, for closing months: many tenants by one query.

Only the days that events touched are derived, under a generation that is named last; throwing all
of it away and deriving it again gives the same rows. See schema/0027_rollup_meter_days.sql.
"""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from metering.clickhouse.cluster import on_cluster, stored
from metering.clickhouse.commit import settle_several
from metering.clickhouse.connection import BOUNDED, command, insert, select
from metering.clickhouse.event_columns import micros
from metering.clickhouse.scope import VALUE_SQL, Bound, TenantsScope, has_superseded

# What one statement may take; of a tenant that has more it takes all the same.
_MOST_EVENTS_A_STEP = 2_000_000
_DAY_MICROS = 86_400 * 1_000_000
# A generation that a newer one replaced serves whoever closes as of a moment between the two.
_KEEP_OLD_GENERATIONS = timedelta(days=1)
DAY_DIMENSIONS = (
    "status",
    "provider",
    "model",
    "modality",
    "service_tier",
    "cache",
    "chip",
    "phase",
    "region",
    "tool",
)
DAY_VALUES = tuple(VALUE_SQL)
_KEYS = ("tenant", "day", "type")

_SINCE = "fromUnixTimestamp64Micro(transform(tenant, %(ids)s, %(since)s::Array(Int64), 0::Int64))"
_ARRIVED = (
    "tenant IN %(tenants)s AND received_at >= fromUnixTimestamp64Micro(%(first)s)"
    f" AND received_at >= {_SINCE} AND received_at < fromUnixTimestamp64Micro(%(until)s)"
)
_NOTED = f"tenant IN %(tenants)s AND received_at >= {_SINCE}"
_TASK_HOURS = f"""
    INSERT INTO rollup_task_hours (tenant, task, hour)
    SELECT DISTINCT tenant, sipHash64(task), toStartOfHour(time) FROM events
    WHERE {_ARRIVED} AND type = 'agent.task'
"""
# Days on which something arrived, was beaten, or an outcome was that may have gone to another day.
# Of tenants that are derived for the first time, or by another clock, all there ever were.
_TOUCHED = f"""
    SELECT tenant, toUInt16(day), sum(n) FROM (
        SELECT tenant, toDate(time, %(timezone)s) AS day, count() AS n FROM events
        WHERE {_ARRIVED} GROUP BY tenant, day
        UNION ALL
        SELECT tenant, toDate(time, %(timezone)s) AS day, 1 FROM superseded WHERE {_NOTED}
        UNION ALL
        SELECT tenant, toDate(time, %(timezone)s) AS day, 1 FROM amended WHERE {_NOTED}
        UNION ALL
        SELECT tenant, toDate(hour + within, %(timezone)s) AS day, 1
        FROM rollup_task_hours ARRAY JOIN [0, 3599] AS within
        WHERE tenant IN %(known)s AND (tenant, task) IN (
            SELECT tenant, sipHash64(task) FROM events
            WHERE tenant IN %(known)s AND type = 'agent.task' AND ({_ARRIVED} OR
                (tenant, identity, commit) IN (
                    SELECT tenant, identity, commit FROM superseded WHERE {_NOTED}
                    UNION ALL SELECT tenant, identity, commit FROM amended WHERE {_NOTED}
                ))
        )
        UNION ALL
        SELECT DISTINCT tenant, day, 0 FROM rollup_meter_generations WHERE tenant IN %(anew)s
    )
    GROUP BY tenant, day ORDER BY tenant, day
"""
_ON_DAYS = "(tenant, toUInt16(toDate(time, %(timezone)s))) IN %(touched)s"
_FROM = "time >= fromUnixTimestamp64Micro(%(start)s)"
_TO = "time < fromUnixTimestamp64Micro(%(end)s)"


def _aggregated(columns: Sequence[str], values: str) -> str:
    sums = (f"sum({values.format(of='sum', name=name, sql=VALUE_SQL[name])})" for name in columns)
    most = (f"max({values.format(of='max', name=name, sql=VALUE_SQL[name])})" for name in columns)
    return ", ".join([*sums, *most])


_COLUMNS = ", ".join(
    [*DAY_DIMENSIONS, "events", "calls"]
    + [f"{of}_{name}" for of in ("sum", "max") for name in DAY_VALUES]
)
_GROUPS = ", ".join([*_KEYS, *DAY_DIMENSIONS])
_FINE = f"""
    INSERT INTO rollup_meter_days
        (tenant, fine, day, generation, type, source, labels, {_COLUMNS})
    SELECT tenant, 1, toDate(time, %(timezone)s) AS day, %(generation)s, type, source, labels,
        {", ".join(DAY_DIMENSIONS)}, count(), countIf(type != 'agent.tokens' OR part = 1),
        {_aggregated(DAY_VALUES, "{sql}")}
    FROM events WHERE {{events}} AND {_FROM} AND {_TO} AND {_ON_DAYS}
    GROUP BY {_GROUPS}, source, labels
"""
_COARSE = f"""
    INSERT INTO rollup_meter_days (tenant, fine, day, generation, type, {_COLUMNS})
    SELECT tenant, 0, day, %(generation)s, type, {", ".join(DAY_DIMENSIONS)}, sum(events),
        sum(calls), {_aggregated(DAY_VALUES, "{of}_{name}")}
    FROM rollup_meter_days
    WHERE tenant IN %(tenants)s AND fine AND generation = %(generation)s
    GROUP BY {_GROUPS}
"""
# Of a task all rows that count are read, also later ones, for the last one says on which day its
# outcome is.
_PUBLISH = f"""
    INSERT INTO rollup_meter_generations (tenant, day, generation, active_agents, agent_events,
        delivering_agents, delivered_tasks, succeeded_tasks)
    SELECT tenant, day, %(generation)s, sum(a), sum(b), sum(c), sum(d), sum(e) FROM (
        SELECT pair.1 AS tenant, toDate(pair.2) AS day, toUInt64(0) AS a, toUInt64(0) AS b,
            toUInt64(0) AS c, toUInt64(0) AS d, toUInt64(0) AS e
        FROM (SELECT arrayJoin(%(pairs)s) AS pair)
        UNION ALL
        SELECT tenant, day, count(), sum(n), 0, 0, 0 FROM (
            SELECT tenant, toDate(time, %(timezone)s) AS day, agent, count() AS n FROM events
            WHERE {{events}} AND {_FROM} AND {_TO} AND {_ON_DAYS} AND agent != ''
            GROUP BY tenant, day, agent
        ) GROUP BY tenant, day
        UNION ALL
        SELECT tenant, day, 0, 0, countIf(agent != '' AND n >= %(min_tasks)s),
            sumIf(n, agent != '' AND n >= %(min_tasks)s), sum(n)
        FROM (
            SELECT tenant, toDate(last.1, %(timezone)s) AS day, said.1 AS agent, count() AS n
            FROM (
                SELECT tenant, task, max((time, source, id)) AS last,
                    argMax((agent, toString(status)), (time, source, id)) AS said
                FROM events WHERE {{events}} AND {_FROM} AND type = 'agent.task'
                GROUP BY tenant, task
            )
            WHERE said.2 = 'succeeded'
                AND (tenant, toUInt16(toDate(last.1, %(timezone)s))) IN %(touched)s
            GROUP BY tenant, day, agent
        ) GROUP BY tenant, day
    )
    GROUP BY tenant, day
"""


_CHANGED = f"""
    SELECT DISTINCT tenant FROM (
        SELECT tenant FROM events WHERE {_ARRIVED}
        UNION ALL SELECT tenant FROM superseded WHERE {_NOTED}
        UNION ALL SELECT tenant FROM amended WHERE {_NOTED}
    )
"""


class Scan(NamedTuple):
    """Until when (µs) a tenant's events are in its days, and how these were derived."""

    until: int
    timezone: str
    min_tasks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterDays:
    """The days of tenants on one clock that events received from `since` (µs) on touched."""

    since: Mapping[int, int]
    timezone: str
    until: datetime
    min_tasks: int

    def derive(self) -> None:
        """Write and publish them, and note that this is done."""
        settle_several(self.since, micros(self.until))
        command(_TASK_HOURS, self._bound)
        rows = select(_TOUCHED, self._bound, **BOUNDED)
        superseded = bool(rows) and has_superseded(*self.since)
        for step in _steps(rows):
            self._derive(step, without_superseded=superseded)
        tenants = list(self.since)
        insert(
            "rollup_meter_scans",
            ["tenant", "scanned_until", "timezone", "min_tasks"],
            [
                tenants,
                [micros(self.until)] * len(tenants),
                [self.timezone] * len(tenants),
                [self.min_tasks] * len(tenants),
            ],
        )

    @property
    def _bound(self) -> Bound:
        anew = tuple(tenant for tenant, since in self.since.items() if not since)
        known = tuple(tenant for tenant, since in self.since.items() if since)
        return {
            "tenants": tuple(self.since),
            "ids": list(self.since),
            "since": list(self.since.values()),
            "first": min(self.since.values()),
            "until": micros(self.until),
            "timezone": self.timezone,
            # No tenant has the number 0; a list must not be empty.
            "anew": anew or (0,),
            "known": known or (0,),
        }

    def _derive(self, pairs: list[tuple[int, int]], *, without_superseded: bool) -> None:
        scope = TenantsScope(
            tenants=tuple(sorted({tenant for tenant, _ in pairs})),
            received_before=self.until,
            without_superseded=without_superseded,
        )
        days = [day for _, day in pairs]
        bound = scope.params | {
            "timezone": self.timezone,
            "generation": micros(self.until) * 1024 + secrets.randbelow(1024),
            # No clock is more than a day from UTC.
            "start": (min(days) - 1) * _DAY_MICROS,
            "end": (max(days) + 2) * _DAY_MICROS,
            "touched": tuple(pairs),
            "pairs": pairs,
            "min_tasks": self.min_tasks,
        }
        command(_FINE.format(events=scope.where), bound, **BOUNDED)
        command(_COARSE, bound, **BOUNDED)
        command(_PUBLISH.format(events=scope.where), bound, **BOUNDED)


def changed(since: Mapping[int, int], until: datetime) -> set[int]:
    """Of tenants, each since a moment of its own (µs), those whose days may not be as they were."""
    if not since:
        return set()
    rows = select(
        _CHANGED,
        {
            "tenants": tuple(since),
            "ids": list(since),
            "since": list(since.values()),
            "first": min(since.values()),
            "until": micros(until),
        },
    )
    return {tenant for (tenant,) in rows}


def _steps(rows: Sequence[tuple[int, int, int]]) -> Iterator[list[tuple[int, int]]]:
    """Tenants and their days that are derived by one query each table; a tenant's stay together."""
    step: list[tuple[int, int]] = []
    events = 0
    for tenant, day, touched in rows:
        if events >= _MOST_EVENTS_A_STEP and tenant != step[-1][0]:
            yield step
            step, events = [], 0
        step.append((tenant, day))
        events += touched
    if step:
        yield step


def read_scans(tenants: Sequence[int]) -> dict[int, Scan]:
    """What is known of each tenant; nothing of one whose days were never derived."""
    rows = select(
        "SELECT tenant, max(toUnixTimestamp64Micro(scanned_until)),"
        " argMax(timezone, scanned_until), argMax(min_tasks, scanned_until)"
        " FROM rollup_meter_scans WHERE tenant IN %(tenants)s GROUP BY tenant",
        {"tenants": tuple(tenants)},
    )
    return {tenant: Scan(*scan) for tenant, *scan in rows}


def forget_old_generations() -> None:
    """Remove rows that were replaced by a generation that is itself a day old."""
    bound = {"oldest": micros(datetime.now(UTC) - _KEEP_OLD_GENERATIONS) * 1024}
    for table in ("rollup_meter_days", "rollup_meter_generations"):
        replaced = _REPLACED.format(generations=stored("rollup_meter_generations"))
        sql = f"SELECT DISTINCT _partition_id FROM {table} {replaced}"
        for (partition,) in select(sql, bound):
            command(
                f"DELETE FROM {stored(table)}{on_cluster()} IN PARTITION ID %(partition)s"
                f" {replaced}",
                bound | {"partition": partition},
            )


_REPLACED = """
    WHERE generation < %(oldest)s AND (tenant, day, generation) NOT IN (
        SELECT tenant, day, max(generation) FROM {generations}
        WHERE generation < %(oldest)s GROUP BY tenant, day
    )
"""
