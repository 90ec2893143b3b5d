"""Chips and tools by name and local day: what a price list with effective dates can be put to."""

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from metering.clickhouse.connection import select
from metering.clickhouse.scope import (
    VALUE_SQL,
    Bound,
    Filters,
    Scope,
    dimensions_sql,
    filters_sql,
    group_columns,
    seconds,
)


class DailyUse(NamedTuple):
    """`quantity` of one chip (chip-seconds, every phase) or tool (units) by a group on a day."""

    group: dict[str, str]
    name: str
    day: date
    quantity: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyUseQuery:
    """`kind` is chip or tool."""

    scope: Scope
    kind: str
    group_by: tuple[str, ...] = ()
    filters: Filters = ()

    def sql(self) -> tuple[str, Bound]:
        scope = replace(self.scope, types=(f"agent.{self.kind}",))
        bound = scope.params
        dimensions = dimensions_sql(self.group_by, bound)
        value = VALUE_SQL["chip_seconds" if self.kind == "chip" else "units"]
        columns = ", ".join(filter(None, (group_columns(self.group_by), self.kind, "local_day")))
        sql = (
            f"SELECT {dimensions}{self.kind}, toDate(time, %(timezone)s) AS local_day,"
            f" sum({value}) FROM events WHERE {scope.where}{filters_sql(self.filters, bound)}"
            f" GROUP BY {columns} ORDER BY {columns}"
        )
        return sql, bound

    def rows(self) -> list[DailyUse]:
        width = len(self.group_by)
        found = []
        for row in select(*self.sql()):
            quantity = seconds(row[-1]) if self.kind == "chip" else row[-1]
            group = dict(zip(self.group_by, row[:width], strict=True))
            found.append(DailyUse(group, row[width], row[width + 1], quantity))
        return found
