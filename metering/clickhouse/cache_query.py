"""Look-ups in the caches above the model: how many, how many found something, what that saved."""

from dataclasses import dataclass, replace
from datetime import date
from typing import NamedTuple

from metering.clickhouse.connection import select
from metering.clickhouse.scope import VALUE_SQL, Bound, Scope, dimensions_sql, group_columns

CACHE_DIMENSIONS = ("day", "agent", "task", "cache", "model")


class CacheUse(NamedTuple):
    """One cache's look-ups for one model on a local day; `saved_tokens` are those of hits."""

    group: dict[str, str]
    cache: str
    model: str
    day: date
    lookups: int
    hits: int
    saved_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheQuery:
    """The `agent.cache` events of a scope, by group and by all that a price depends on."""

    scope: Scope
    group_by: tuple[str, ...] = ()

    def sql(self) -> tuple[str, Bound]:
        scope = replace(self.scope, types=("agent.cache",))
        bound = scope.params
        dimensions = dimensions_sql(self.group_by, bound)
        columns = ", ".join(filter(None, (group_columns(self.group_by), "cache, model, local_day")))
        sql = (
            f"SELECT {dimensions}cache, model, toDate(time, %(timezone)s) AS local_day, count(),"
            f" countIf(hit), sumIf({VALUE_SQL['saved_tokens']}, hit)"
            f" FROM events WHERE {scope.where} GROUP BY {columns} ORDER BY {columns}"
        )
        return sql, bound

    def rows(self) -> list[CacheUse]:
        width = len(self.group_by)
        return [
            CacheUse(dict(zip(self.group_by, row[:width], strict=True)), *row[width:])
            for row in select(*self.sql())
        ]
