"""When agents were active: their first day ever, their last one, on how many days of a range."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

from metering.clickhouse.connection import BOUNDED, Row, select
from metering.clickhouse.generations import CURRENT
from metering.clickhouse.scope import Bound

DORMANT_AFTER = timedelta(days=28)
_SPANS = """
    SELECT agent, min(day) AS first_day, max(day) AS last_day,
        uniqExactIf(day, day >= %(start)s) AS days
    FROM rollup_agents WHERE {current} AND day < %(end)s{named}
    GROUP BY agent
"""


class AgentSpan(NamedTuple):
    """`last_day` is the last one before the end of the range, `days` are those within it."""

    agent: str
    first_day: date
    last_day: date
    days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSpanQuery:
    """Spans of a tenant's agents, from the rollups, as of a range of its days."""

    tenant: int
    start: date
    end: date

    def of(self, agents: list[str]) -> dict[str, AgentSpan]:
        """The spans of some agents, by name; of those that were active before the end."""
        sql, bound = self.sql(" AND agent IN %(agents)s", agents=agents or [""])
        return {row[0]: AgentSpan(*row) for row in self._rows(sql, bound)}

    def dormant(self, limit: int) -> list[AgentSpan]:
        """Agents active in the 28 days before the last day and not on it, the latest first."""
        last = self.end - timedelta(days=1)
        sql, bound = self.sql("", since=last - DORMANT_AFTER, last=last, limit=limit)
        sql += (
            " HAVING last_day >= %(since)s AND last_day < %(last)s"
            " ORDER BY last_day DESC, agent LIMIT %(limit)s"
        )
        return [AgentSpan(*row) for row in self._rows(sql, bound)]

    def sql(self, named: str, **more: object) -> tuple[str, Bound]:
        """The spans of all agents, or of those in `agents`."""
        bound: Bound = {"tenant": self.tenant, "start": self.start, "end": self.end}
        return _SPANS.format(current=CURRENT, named=named), bound | more

    def _rows(self, sql: str, bound: Bound) -> list[Row]:
        return select(sql, bound, **BOUNDED)
