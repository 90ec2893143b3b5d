"""Daily active agents, out of the rollups: which agents were active, and which delivered."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from metering.clickhouse.agent_masks import (
    COUNTS,
    DAYS_AT_ONCE,
    LOOKBACK,
    NO_DAY,
    bit,
    bits,
    counts_sql,
    window,
)
from metering.clickhouse.connection import BOUNDED, Row, select
from metering.clickhouse.generations import CURRENT_DAYS
from metering.clickhouse.scope import Bound
from metering.usage.active import ActiveDay

# An agent's first day may have been told before the day itself, and may have become an earlier one.
_MASKS = f"""
    SELECT '' AS g0, groupBitOr(here) AS active, groupBitOr(first_here) AS first,
        {bits("here", "sub_agent")} AS sub_agent,
        {bits("here", "succeeded >= %(min_tasks)s")} AS delivering,
        {bits("here", "delivered_sub_task")} AS delivered_sub_task
    FROM (
        SELECT agent, {bit("day")} AS here, {NO_DAY} AS first_here,
            sub_agent, succeeded, delivered_sub_task
        FROM rollup_agent_days
        WHERE {CURRENT_DAYS} AND day >= %(window)s AND day < %(end)s
        UNION ALL
        SELECT agent, {NO_DAY}, {bit("argMax(first_day, generation)")}, false, 0, false
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

_TASKS = f"""
    SELECT day, sum(succeeded) FROM rollup_agent_days
    WHERE {CURRENT_DAYS} AND day >= %(start)s AND day < %(end)s AND succeeded >= %(min_tasks)s
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
        """COUNTS by day, of at most DAYS_AT_ONCE days."""
        return counts_sql(_MASKS), self._bound | window(self.start, self.end)

    def rows(self) -> list[ActiveDay]:
        tasks: dict[date, int] = dict(select(_TASKS, self._bound))
        found = {day.date: day for part in self._parts() for day in part._counted(tasks)}
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

    def _counted(self, tasks: dict[date, int]) -> Iterator[ActiveDay]:
        sql, bound = self.sql()
        for _, nth, *counts in select(sql, bound, **BOUNDED):
            day = day_of(self.start, nth)
            yield active_day(day, counts, tasks.get(day, 0))


def in_parts(start: date, end: date) -> Iterator[tuple[date, date]]:
    """Ranges of as many days as one query can count."""
    while start < end:
        until = min(start + timedelta(days=DAYS_AT_ONCE), end)
        yield start, until
        start = until


def day_of(start: date, nth: int) -> date:
    """The day of a bit in the window of a range."""
    return start + timedelta(days=nth - LOOKBACK)


def active_day(day: date, counts: Row | list[int], succeeded_tasks: int) -> ActiveDay:
    """A day out of its COUNTS."""
    return ActiveDay(
        date=day, succeeded_tasks=succeeded_tasks, **dict(zip(COUNTS, counts, strict=True))
    )
