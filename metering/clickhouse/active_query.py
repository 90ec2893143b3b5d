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
from metering.clickhouse.connection import BOUNDED, Row, select
from metering.clickhouse.generations import CURRENT_DAYS
from metering.clickhouse.scope import Bound
from metering.usage.active import ActiveDay

# Agents are counted a range of their hashes after the other, so that however many there are, a hash
# table of so many is all it takes. Rows of a day are sorted by agent: each range is read once.
_MOST_AGENTS = 1_000_000
_HASHES = 1 << 128
_AGENTS = "agent >= toUInt128(%(low)s) AND agent <= toUInt128(%(high)s)"
_ABOUT = f"""
    SELECT uniqCombined64Merge(17)(active) FROM rollup_days
    WHERE {CURRENT_DAYS} AND day >= %(window)s AND day < %(end)s
"""

# An agent's first day may have been told before the day itself, and may have become an earlier one.
_MASKS = f"""
    SELECT '' AS g0, groupBitOr(here) AS active, groupBitOr(first_here) AS first,
        groupBitOr(delivered) AS delivering
    FROM (
        SELECT agent, {bit("day")} AS here, {NO_DAY} AS first_here,
            if(succeeded >= %(min_tasks)s, here, {NO_DAY}) AS delivered
        FROM rollup_agent_days
        WHERE {CURRENT_DAYS} AND day >= %(window)s AND day < %(end)s AND {_AGENTS}
        UNION ALL
        SELECT agent, {NO_DAY}, {bit("argMax(first_day, generation)")}, {NO_DAY}
        FROM rollup_agent_firsts
        WHERE tenant = %(tenant)s AND timezone = %(timezone)s AND {_AGENTS}
        GROUP BY agent
        HAVING argMax(first_day, generation) >= %(start)s
            AND argMax(first_day, generation) < %(end)s
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

    def sql(self, part: int = 0, parts: int = 1) -> tuple[str, Bound]:
        """What of COUNTS is OF_HISTORY, of at most DAYS_AT_ONCE days and a part of the agents."""
        low, high = part * _HASHES // parts, (part + 1) * _HASHES // parts - 1
        # A literal of more than 64 bits would be a float.
        agents = {"low": str(low), "high": str(high)}
        return counts_sql(_MASKS, OF_HISTORY), self._bound | self._window | agents

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

    @property
    def _window(self) -> Bound:
        return window(self.start, self.end)

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
        for _, day, counts in by_day(self._sums(), OF_HISTORY, self.start, self.end):
            yield counted(day, counts, **of_day.get(day, {}))

    def _sums(self) -> list[Row]:
        """The rows of `counts_sql` over all agents."""
        [(about,)] = select(_ABOUT, self._bound | self._window)
        parts = 1 + about // _MOST_AGENTS
        total: dict[Row, list[int]] = {}
        for part in range(parts):
            sql, bound = self.sql(part, parts)
            for group, nth, *sums in select(sql, bound, **BOUNDED):
                before = total.get((group, nth), [0] * len(sums))
                total[group, nth] = [a + b for a, b in zip(before, sums, strict=True)]
        return [(*place, *sums) for place, sums in total.items()]


def in_parts(start: date, end: date) -> Iterator[tuple[date, date]]:
    """Ranges of as many days as one query can count."""
    while start < end:
        until = min(start + timedelta(days=DAYS_AT_ONCE), end)
        yield start, until
        start = until
