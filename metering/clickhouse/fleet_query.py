"""Agents of all tenants together, estimated: the sketches of their days, merged.

For the operator alone: the one query that is about no tenant. It reads no agent, only roughly how
many there are.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

from metering.clickhouse.connection import select
from metering.clickhouse.scope import Bound
from metering.usage.active import MONTH_DAYS, WEEK_DAYS

# Tenants are merged first, so that a look back over 30 days copies one sketch a day.
_FLEET = f"""
    SELECT later, uniqCombined64MergeIf(17)(active_of_day, later = day) AS active,
        uniqCombined64MergeIf(17)(delivering_of_day, later = day) AS delivering,
        uniqCombined64MergeIf(17)(delivering_of_day, later < day + {WEEK_DAYS}) AS waa,
        uniqCombined64Merge(17)(delivering_of_day) AS maa
    FROM (
        SELECT day, uniqCombined64MergeState(17)(active) AS active_of_day,
            uniqCombined64MergeState(17)(delivering) AS delivering_of_day
        FROM rollup_days
        WHERE day >= %(window)s AND day < %(end)s AND (tenant, day, generation) IN (
            SELECT tenant, day, max(generation) FROM rollup_days
            WHERE day >= %(window)s AND day < %(end)s GROUP BY tenant, day
        )
        GROUP BY day
    )
    ARRAY JOIN arrayMap(n -> day + n, range({MONTH_DAYS})) AS later
    WHERE later >= %(start)s AND later < %(end)s
    GROUP BY later ORDER BY later
"""


class FleetDay(NamedTuple):
    """Estimates of the agents of all tenants on a date, each tenant's own."""

    date: date
    active: int
    delivering: int
    waa: int
    maa: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetQuery:
    """A FleetDay for each date from `start` to before `end` within 30 days of any agent."""

    start: date
    end: date

    def sql(self) -> tuple[str, Bound]:
        window = self.start - timedelta(days=MONTH_DAYS - 1)
        return _FLEET, {"window": window, "start": self.start, "end": self.end}

    def rows(self) -> list[FleetDay]:
        return [FleetDay(*row) for row in select(*self.sql())]
