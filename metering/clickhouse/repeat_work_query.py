"""Work asked for again: succeeded tasks whose fingerprint another task had succeeded with before.

Out of the rollups, over all time: before has no window. A task stands where its outcome falls.
"""

from dataclasses import dataclass
from typing import NamedTuple

from metering.clickhouse.connection import select
from metering.clickhouse.generations import CURRENT
from metering.clickhouse.scope import Bound, Scope, dimensions_sql, group_columns

_LAST = "(time, source, id)"
_SUCCEEDED = f"""
    SELECT task, max({_LAST}) AS last, argMax(fingerprint, {_LAST}) AS print {{more}}
    FROM rollup_tasks WHERE {CURRENT}
    GROUP BY task HAVING argMax(status, {_LAST}) = 'succeeded'
"""
_MORE = f", argMax(agent, {_LAST}) AS agent, argMax(labels, {_LAST}) AS labels"


class RepeatWork(NamedTuple):
    """How many tasks of a group succeeded, and how many of them did what had been done before."""

    group: dict[str, str]
    succeeded: int
    repeated: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatWorkQuery:
    """The succeeded tasks of a scope's period, per group of what a task has."""

    scope: Scope
    group_by: tuple[str, ...] = ()

    def sql(self) -> tuple[str, Bound]:
        bound = self.scope.params
        dimensions = dimensions_sql(self.group_by, bound)
        columns = group_columns(self.group_by)
        done = _SUCCEEDED.format(more=_MORE)
        first = _SUCCEEDED.format(more="")
        sql = (
            f"SELECT {dimensions}count(), countIf(print != '' AND last > first)"
            " FROM (SELECT *, last.1 AS time"
            f" FROM ({done}) WHERE last.1 >= fromUnixTimestamp64Micro(%(start)s)"
            " AND last.1 < fromUnixTimestamp64Micro(%(end)s)) AS done"
            f" LEFT JOIN (SELECT print, min(last) AS first FROM ({first}) WHERE print != ''"
            " GROUP BY print) AS firsts USING (print)"
        )
        return sql + (f" GROUP BY {columns} ORDER BY {columns}" if columns else ""), bound

    def rows(self) -> list[RepeatWork]:
        width = len(self.group_by)
        return [
            RepeatWork(dict(zip(self.group_by, row[:width], strict=True)), *row[width:])
            for row in select(*self.sql())
        ]
