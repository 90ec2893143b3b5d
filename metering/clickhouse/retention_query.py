"""In which weeks agents delivered, by the week of their first delivering day."""

from dataclasses import dataclass
from datetime import date

from metering.clickhouse.connection import BOUNDED, select
from metering.clickhouse.generations import CURRENT_DAYS
from metering.clickhouse.scope import Bound

# An agent's first day may be any, so all of them are read; two columns of the compact rollup.
_WEEKS = f"""
    SELECT cohort, week, count() FROM (
        SELECT min(monday) AS cohort, groupUniqArray(monday) AS weeks FROM (
            SELECT agent, toMonday(day) AS monday FROM rollup_agent_days
            WHERE {CURRENT_DAYS} AND day < %(end)s AND succeeded >= %(min_tasks)s
            GROUP BY agent, monday
        )
        GROUP BY agent HAVING cohort >= %(start)s
    )
    ARRAY JOIN weeks AS week
    GROUP BY cohort, week
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionQuery:
    """Cohorts of the weeks from `start`, a Monday, and what they did before `end`."""

    tenant: int
    start: date
    end: date
    min_tasks: int = 1

    def sql(self) -> tuple[str, Bound]:
        return _WEEKS, {
            "tenant": self.tenant,
            "start": self.start,
            "end": self.end,
            "min_tasks": self.min_tasks,
        }

    def counts(self) -> dict[tuple[date, date], int]:
        """Agents by the Mondays of their cohort and of a week they delivered in."""
        sql, bound = self.sql()
        return {(cohort, week): agents for cohort, week, agents in select(sql, bound, **BOUNDED)}
