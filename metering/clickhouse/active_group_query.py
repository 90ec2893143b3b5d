"""Daily active agents by model, region or a label, straight from the events.

A value is a fleet of its own: an agent is active under it with an event that has the value, and
delivers with enough succeeded tasks of it. Tasks have no model and no region, so a task is of each
one that any of its events names; a task's label is that of its outcome. What has no value is in no
group. An agent is a sub-agent under every value on the days it is one.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

from metering.clickhouse.active_query import in_parts
from metering.clickhouse.agent_masks import (
    COUNTS,
    LOOKBACK,
    NO_DAY,
    bit,
    by_day,
    counted,
    counts_sql,
    window,
)
from metering.clickhouse.connection import BOUNDED, select
from metering.clickhouse.scope import Bound, Scope, dimension_sql
from metering.clickhouse.usage_query import outcomes_sql
from metering.usage.active import ActiveDay
from metering.usage.meter import LABEL
from metering.usage.period import EPOCH, Period

# The events that can have a value; a label may be on any.
TYPES: dict[str, tuple[str, ...]] = {
    "model": ("agent.tokens", "agent.cache"),
    "region": ("agent.chip",),
}

_NAMES = tuple(COUNTS)

_DELIVERED = """
    SELECT g0, agent, day, count() AS succeeded, countIf(parent != '') > 0 AS sub_task
    FROM (
        SELECT {value} AS g0, outcome_agent AS agent, outcome_parent AS parent,
            toDate(last.1, %(timezone)s) AS day
        FROM ({outcomes}) AS task {values}
        WHERE outcome = 'succeeded' AND agent != '' AND g0 != ''
    )
    WHERE day < %(end)s
    GROUP BY g0, agent, day HAVING succeeded >= %(min_tasks)s
"""
_VALUES = """
    INNER JOIN (
        SELECT DISTINCT task, toString({value}) AS of_task FROM events WHERE {where} AND task != ''
    ) AS used USING (task)
"""
_ACTIVE = """
    SELECT toString({value}) AS g0, agent, toDate(time, %(timezone)s) AS day FROM events
    WHERE {where} AND agent != '' AND g0 != '' GROUP BY g0, agent, day
"""
_MASKS = f"""
    SELECT g0, active, first, delivering, delivered_sub_task, sub_agent
    FROM (
        SELECT g0, agent, groupBitOr(here) AS active, {bit("min(day)")} AS first,
            groupBitOr(delivered) AS delivering, groupBitOr(done_for_parent) AS delivered_sub_task
        FROM (
            SELECT g0, agent, day, {bit("day")} AS here, {NO_DAY} AS delivered,
                {NO_DAY} AS done_for_parent
            FROM ({{active}})
            UNION ALL
            SELECT g0, agent, toDate(65535), {NO_DAY}, {bit("day")},
                if(sub_task, {bit("day")}, {NO_DAY})
            FROM ({{delivered}})
        )
        GROUP BY g0, agent
    ) AS fleet
    LEFT JOIN (
        SELECT agent, groupBitOr({bit("toDate(time, %(timezone)s)")}) AS sub_agent FROM events
        WHERE {{reports}} AND parent_task != '' GROUP BY agent
    ) AS subs USING (agent)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveGroupQuery:
    """The ActiveDay of each value of `name` on each of a tenant's days, where any was.

    `scope` has the period from `start` to before `end`.
    """

    scope: Scope
    name: str
    start: date
    end: date
    min_tasks: int = 1

    def rows(self) -> list[tuple[str, ActiveDay]]:
        """By day and value."""
        parts = in_parts(self.start, self.end)
        found = [row for start, end in parts for row in self._rows(start, end)]
        return sorted(found, key=lambda row: (row[1].date, row[0]))

    def _rows(self, start: date, end: date) -> Iterator[tuple[str, ActiveDay]]:
        query, tasks, bound = self.sql(start, end)
        succeeded = {(value, day): count for value, day, count in select(tasks, bound, **BOUNDED)}
        rows = select(query, bound, **BOUNDED)
        for value, day, counts in by_day(rows, _NAMES, start, end):
            if any(counts.values()):
                done = succeeded.get((value, day), 0)
                yield value, counted(day, counts, succeeded_tasks=done)

    def sql(self, start: date, end: date) -> tuple[str, str, Bound]:
        """COUNTS by value; value, day and succeeded tasks; and the bound values of both."""
        bound: Bound = window(start, end) | {"min_tasks": self.min_tasks, "start": start}
        value = dimension_sql(self.name, 0, bound)
        events = self._scope("active", EPOCH, TYPES.get(self.name, ()))
        reports = self._scope("report", self._looked_back, ("agent.task",))
        delivered, of_delivered = self._delivered(value)
        masks = _MASKS.format(
            active=_ACTIVE.format(value=value, where=events.where),
            delivered=delivered,
            reports=reports.where,
        )
        tasks = (
            f"SELECT g0, day, sum(succeeded) FROM ({delivered})"
            " WHERE day >= %(start)s GROUP BY g0, day"
        )
        counts = counts_sql(masks, _NAMES)
        return counts, tasks, bound | events.params | reports.params | of_delivered

    def _delivered(self, value: str) -> tuple[str, Bound]:
        scope = self._scope("outcome", self._looked_back)
        outcomes, bound = outcomes_sql(scope)
        if self.name.startswith(LABEL):
            return _DELIVERED.format(value=f"outcome_{value}", outcomes=outcomes, values=""), bound
        used = replace(self.scope, period=None, types=TYPES[self.name], prefix="used_")
        values = _VALUES.format(value=value, where=used.where)
        sql = _DELIVERED.format(value="of_task", outcomes=outcomes, values=values)
        return sql, bound | used.params

    def _scope(self, prefix: str, start: datetime, types: tuple[str, ...] = ()) -> Scope:
        assert self.scope.period is not None, "days are of a period"  # noqa: S101
        period = Period(start, self.scope.period.end)
        return replace(self.scope, period=period, types=types, prefix=f"{prefix}_")

    @property
    def _looked_back(self) -> datetime:
        """Early enough for the first day's look back, on any clock."""
        return datetime.combine(self.start, time.min, UTC) - timedelta(days=LOOKBACK + 1)
