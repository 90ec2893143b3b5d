"""Daily active agents, out of the rollups: which agents were active, and which delivered."""

from dataclasses import dataclass
from datetime import date, timedelta

from metering.clickhouse.connection import Row, select
from metering.clickhouse.rollup import CURRENT
from metering.clickhouse.scope import Bound
from metering.usage.active import DORMANCY_DAYS, MONTH_DAYS, WEEK_DAYS, ActiveDay

# One row for each agent and day it was active on, over all time: an agent is new only once.
_AGENT_DAYS = (
    f"SELECT day, agent FROM rollup_agents WHERE {CURRENT} AND day < %(end)s GROUP BY day, agent"
)

_ACTIVE = f"""
    SELECT day, count() AS active, countIf(nth = 1) AS new,
        countIf(nth > 1 AND day - previous >= %(dormancy)s) AS resurrected,
        countIf(nth > 1 AND day - previous <= %(dormancy)s) AS seen_before
    FROM (
        SELECT day, agent, row_number() OVER agents AS nth,
            lagInFrame(day) OVER agents AS previous
        FROM ({_AGENT_DAYS})
        WINDOW agents AS (
            PARTITION BY agent ORDER BY day ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        )
    )
    WHERE day >= %(start)s GROUP BY day
"""

# How many agents were active at least once in the days before each day.
_SEEN = f"""
    SELECT later, uniqExact(agent) AS seen
    FROM ({_AGENT_DAYS})
    ARRAY JOIN arrayMap(n -> day + n, range(1, %(dormancy)s + 1)) AS later
    WHERE later >= %(start)s AND later < %(end)s GROUP BY later
"""

# Who delivered on which day. Tasks are read to the end of time, for a later event of a task takes
# its outcome to another day.
DELIVERING = f"""
    SELECT day, agent, count() AS succeeded, countIf(parent != '') > 0 AS sub_agent
    FROM (
        SELECT toDate(max((time, source, id)).1, %(timezone)s) AS day,
            argMax(agent, (time, source, id)) AS agent,
            argMax(status, (time, source, id)) AS outcome,
            argMax(parent_task, (time, source, id)) AS parent
        FROM rollup_tasks WHERE {CURRENT} AND hour >= toDate(%(first_hour)s) GROUP BY task
    )
    WHERE outcome = 'succeeded' AND agent != '' AND day < %(end)s
    GROUP BY day, agent HAVING succeeded >= %(min_tasks)s
"""

_DELIVERED = f"""
    SELECT later, countIf(later = day) AS delivering,
        countIf(later = day AND sub_agent) AS delivering_sub_agents,
        uniqExactIf(agent, later < day + {WEEK_DAYS}) AS waa, uniqExact(agent) AS maa
    FROM ({DELIVERING})
    ARRAY JOIN arrayMap(n -> day + n, range({MONTH_DAYS})) AS later
    WHERE later >= %(start)s AND later < %(end)s GROUP BY later
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveQuery:
    """The ActiveDay of each of a tenant's days from `start` to before `end`."""

    tenant: int
    timezone: str
    start: date
    end: date
    min_tasks: int = 1

    @property
    def bound(self) -> Bound:
        return {
            "tenant": self.tenant,
            "timezone": self.timezone,
            "start": self.start,
            "end": self.end,
            "min_tasks": self.min_tasks,
            "dormancy": DORMANCY_DAYS,
            # A day more than MAA looks back: hours are UTC, days are the tenant's.
            "first_hour": self.start - timedelta(days=MONTH_DAYS + 1),
        }

    def rows(self) -> list[ActiveDay]:
        active = _by_day(select(_ACTIVE, self.bound))
        seen = _by_day(select(_SEEN, self.bound))
        delivered = _by_day(select(_DELIVERED, self.bound))
        days = [self.start + timedelta(days=n) for n in range((self.end - self.start).days)]
        return [
            _active_day(day, active.get(day), seen.get(day, (0,))[0], delivered.get(day))
            for day in days
        ]


def _by_day(rows: list[Row]) -> dict[date, Row]:
    return {row[0]: row[1:] for row in rows}


def _active_day(day: date, active: Row | None, seen: int, delivered: Row | None) -> ActiveDay:
    count, new, resurrected, seen_before = active or (0, 0, 0, 0)
    delivering, sub_agents, waa, maa = delivered or (0, 0, 0, 0)
    return ActiveDay(
        date=day,
        active=count,
        new=new,
        resurrected=resurrected,
        returning=count - new - resurrected,
        dormant=seen - seen_before,
        delivering=delivering,
        delivering_sub_agents=sub_agents,
        waa=waa,
        maa=maa,
    )
