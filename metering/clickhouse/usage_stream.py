"""A long period's usage by many groups, row by row: sorted by the store, never held whole.

Each stream is sorted by its group, in the order of bytes, which is that of Python's texts as well;
so they can be read side by side.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from metering.clickhouse.calls_query import CALL_COLUMNS, PricedCallsQuery
from metering.clickhouse.connection import BOUNDED, Row, stream
from metering.clickhouse.daily_use_query import DailyUse, DailyUseQuery
from metering.clickhouse.scope import Bound, Scope, seconds
from metering.clickhouse.usage_query import TaskCountQuery, UsageQuery, UsageRow
from metering.usage.calls import PricedCalls

Group = tuple[str, ...]
# What is sorted or grouped goes to disk past this. The driver holds a block of each stream as
# Python objects, some kilobytes a row, so blocks are small.
_LIMITS = BOUNDED | {"max_bytes_before_external_sort": 1 << 30, "max_block_size": 8192}
_NOBODY = "SELECT task FROM events WHERE 0"


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageStream:
    """Streams over one scope, by the same names."""

    scope: Scope
    group_by: Group

    def usage(self) -> Iterator[tuple[Group, UsageRow]]:
        """Requests, tokens, tools and chips; no tasks."""
        query = UsageQuery(scope=self.scope, group_by=self.group_by)
        width = len(self.group_by)
        for row in _rows(*query.sql()):
            yield row[:width], query.row(row)

    def tasks(self, names: Group) -> Iterator[tuple[Group, int, int]]:
        """Tasks that ended, and that succeeded, by fewer names."""
        width = len(names)
        for row in _rows(*TaskCountQuery(scope=self.scope, group_by=names).sql()):
            yield row[:width], row[width], row[width + 1]

    def calls(self, thresholds: tuple[int, ...]) -> Iterator[tuple[Group, PricedCalls]]:
        """Model calls by all that a price depends on; what became of their work is not asked."""
        scope = replace(self.scope, types=("agent.tokens",))
        columns = ", ".join(CALL_COLUMNS)
        query = PricedCallsQuery(
            calls=f"SELECT {columns}, toUInt64(0) AS reusable_tokens FROM events"
            f" WHERE {scope.where}",
            wasted=_NOBODY,
            bound=scope.params,
            group_by=self.group_by,
            thresholds=thresholds,
        )
        width, names = len(self.group_by), tuple(PricedCalls.__dataclass_fields__)
        for row in _rows(*query.sql()):
            yield row[:width], PricedCalls(**dict(zip(names, row[width:], strict=True)))

    def units(self, kind: str) -> Iterator[tuple[Group, DailyUse]]:
        """Chip-seconds (`kind` chip) or units (tool) by name and local day."""
        query = DailyUseQuery(scope=self.scope, kind=kind, group_by=self.group_by)
        width = len(self.group_by)
        for row in _rows(*query.sql()):
            quantity = seconds(row[-1]) if kind == "chip" else row[-1]
            yield row[:width], DailyUse({}, row[width], row[width + 1], quantity)


def _rows(sql: str, bound: Bound) -> Iterator[Row]:
    return stream(sql, bound, **_LIMITS)
