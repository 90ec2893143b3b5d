"""Daily active agents, out of the rollups: which agents were active, and which delivered."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from metering.clickhouse.agent_masks import (
    DAYS_AT_ONCE,
    NO_DAY,
    OF_HISTORY,
    bit,
    by_day,
    counted,
    counts_sql,
    window,
)
from metering.clickhouse.connection import BOUNDED, select
from metering.clickhouse.generations import CURRENT_DAYS
from metering.clickhouse.scope import Bound
from metering.usage.active import ActiveDay

# An agent's first day may have been told before the day itself, and may have become an earlier one.
_MASKS = f"""
    SELECT '' AS g0, groupBitOr(here) AS active, groupBitOr(first_here) AS first,
        groupBitOr(delivered) AS delivering
    FROM (
        SELECT agent, {bit("day")} AS here, {NO_DAY} AS first_here,
            if(succeeded >= %(min_tasks)s, here, {NO_DAY}) AS delivered
        FROM rollup_agent_days
        WHERE {CURRENT_DAYS} AND day >= %(window)s AND day < %(end)s
        UNION ALL
        SELECT agent, {NO_DAY}, {bit("argMax(first_day, generation)")}, {NO_DAY}
        FROM rollup_agent_firsts
        WHERE tenant = %(tenant)s AND timezone = %(timezone)s AND agent IN (
            SELECT agent FROM rollup_agent_firsts
            WHERE tenant = %(tenant)s AND timezone = %(timezone)s
                AND first_day >= %(start)s AND first_day < %(end)s
        )
        GROUP BY agent
    )
    GROUP BY agent
"""

# What a day says of itself.
_OF_DAY = ("active_sub_agents", "delivering", "delivering_sub_agents", "succeeded_tasks")
_DAYS = f"""
    SELECT day, countIf(sub_agent), countIf(delivers), countIf(delivers AND delivered_sub_task),
        sumIf(succeeded, succeeded >= %(min_tasks)s AS delivers)
    FROM rollup_agent_days WHERE {CURRENT_DAYS} AND day >= %(start)s AND day < %(end)s
    GROUP BY day
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveQuery:
    """The ActiveDay of each of a tenant's days from `start` to before `end`."""

    tenant: int
    timezone: str
    start: date
    end: date
    min_tasks: int = 1

    def sql(self) -> tuple[str, Bound]:
        """What of COUNTS is OF_HISTORY, of at most DAYS_AT_ONCE days."""
        return counts_sql(_MASKS, OF_HISTORY), self._bound | window(self.start, self.end)

    def rows(self) -> list[ActiveDay]:
        found = {day.date: day for part in self._parts() for day in part._counted()}
        days = [self.start + timedelta(days=n) for n in range((self.end - self.start).days)]
        return [found.get(day, ActiveDay(date=day)) for day in days]

    @property
    def _bound(self) -> Bound:
        return {
            "tenant": self.tenant,
            "timezone": self.timezone,
            "start": self.start,
            "end": self.end,
            "min_tasks": self.min_tasks,
        }

    def _parts(self) -> Iterator["ActiveQuery"]:
        for start, end in in_parts(self.start, self.end):
            yield ActiveQuery(
                tenant=self.tenant,
                timezone=self.timezone,
                start=start,
                end=end,
                min_tasks=self.min_tasks,
            )

    def _counted(self) -> Iterator[ActiveDay]:
        rows = select(_DAYS, self._bound)
        of_day = {day: dict(zip(_OF_DAY, counts, strict=True)) for day, *counts in rows}
        sql, bound = self.sql()
        counts = by_day(select(sql, bound, **BOUNDED), OF_HISTORY, self.start, self.end)
        for _, day, counts_of_day in counts:
            yield counted(day, counts_of_day, **of_day.get(day, {}))


def in_parts(start: date, end: date) -> Iterator[tuple[date, date]]:
    """Ranges of as many days as one query can count."""
    while start < end:
        until = min(start + timedelta(days=DAYS_AT_ONCE), end)
        yield start, until
        start = until
