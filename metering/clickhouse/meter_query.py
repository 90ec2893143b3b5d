"""How much of one meter each group used: a meter, which is data, compiled to SQL."""

from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import NamedTuple

from metering.clickhouse.call_slices import call_slices
from metering.clickhouse.calls_query import raw_calls_sql
from metering.clickhouse.connection import Row, select
from metering.clickhouse.scope import (
    VALUE_SQL,
    Bound,
    Scope,
    dimension_sql,
    dimensions_sql,
    group_columns,
    seconds,
)
from metering.clickhouse.usage_query import outcomes_sql
from metering.usage.meter import Meter


class MeterQuantity(NamedTuple):
    """What one group used: `group` as (name, value) pairs in the order of the meter's group_by."""

    group: tuple[tuple[str, str], ...]
    quantity: Decimal
    events: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterQuery:
    """A meter over a tenant's period; `scope` must have that period."""

    meter: Meter
    scope: Scope
    min_tasks: int = 1
    reuse_window: timedelta = timedelta(days=1)

    def sql(self) -> tuple[str, Bound]:
        """Columns g0…, quantity, events."""
        source, bound = self._source()
        dimensions = dimensions_sql(self.meter.group_by, bound)
        sql = f"SELECT {dimensions}{self._quantity(bound)}, {self._events()} FROM {source}"
        conditions = self._filters(bound)
        if conditions:
            sql += (" AND " if source.startswith("events WHERE") else " WHERE ") + conditions
        columns = group_columns(self.meter.group_by)
        return (sql + f" GROUP BY {columns} ORDER BY {columns}" if columns else sql), bound

    def quantities(self) -> list[MeterQuantity]:
        """One for each group that used any; nothing for the others."""
        if self.meter.metric == "effective_tokens":
            return self._sum_of_slices()
        found = map(self._quantity_of, select(*self.sql()))
        return [quantity for quantity in found if quantity.events]

    def _sum_of_slices(self) -> list[MeterQuantity]:
        """What has to look at each call's neighbours looks at as many calls as memory is for."""
        found: dict[tuple[tuple[str, str], ...], MeterQuantity] = {}
        for part in call_slices(replace(self.scope, types=("agent.tokens",))):
            for row in select(*replace(self, scope=replace(self.scope, period=part)).sql()):
                new = self._quantity_of(row)
                old = found.get(new.group, MeterQuantity(new.group, Decimal(0), 0))
                quantity = Decimal(int(old.quantity) + int(new.quantity))
                found[new.group] = MeterQuantity(new.group, quantity, old.events + new.events)
        return [found[group] for group in sorted(found) if found[group].events]

    def _quantity_of(self, row: Row) -> MeterQuantity:
        width = len(self.meter.group_by)
        amount = Decimal(row[width])
        if self.meter.value == "chip_seconds":
            amount = seconds(amount)
        group = tuple(zip(self.meter.group_by, row[:width], strict=True))
        return MeterQuantity(group, amount, row[width + 1])

    def _source(self) -> tuple[str, Bound]:
        match self.meter.metric:
            case "":
                scope = replace(self.scope, types=(self.meter.type,))
                return f"events WHERE {scope.where}", scope.params
            case "active_agent_days":
                return self._active_agent_days()
            case "delivering_agent_days" | "succeeded_tasks":
                return self._delivered()
            case "effective_tokens":
                return self._effective_calls()
        raise ValueError(f"{self.meter.metric} is not counted from events")

    def _active_agent_days(self) -> tuple[str, Bound]:
        sql = (
            "(SELECT agent, toDate(time, %(timezone)s) AS day, count() AS n,"
            " argMax(labels, (time, source, id)) AS labels FROM events"
            f" WHERE {self.scope.where} AND agent != '' GROUP BY agent, day)"
        )
        return sql, self.scope.params

    def _delivered(self) -> tuple[str, Bound]:
        """Succeeded tasks by day, or agents by day with enough of them."""
        outcomes, bound = outcomes_sql(self.scope)
        tasks = (
            "SELECT task, last, last.1 AS time, outcome_agent AS agent, outcome_session AS session,"
            f" outcome_labels AS labels FROM ({outcomes}) WHERE outcome = 'succeeded'"
            " AND time < fromUnixTimestamp64Micro(%(end)s)"
        )
        if self.meter.metric == "succeeded_tasks":
            return f"({tasks})", bound
        sql = (
            "(SELECT agent, toDate(time, %(timezone)s) AS day, count() AS n,"
            f" argMax(labels, last) AS labels FROM ({tasks}) WHERE agent != ''"
            " GROUP BY agent, day HAVING n >= %(min_tasks)s)"
        )
        return sql, bound | {"min_tasks": self.min_tasks}

    def _effective_calls(self) -> tuple[str, Bound]:
        """The calls whose work was of use; of them, what was not repeated is effective."""
        calls, wasted, bound = raw_calls_sql(self.scope, self.reuse_window)
        sql = f"(SELECT * FROM ({calls}) WHERE attempt = 1 AND task NOT IN ({wasted}))"
        return sql, bound

    def _quantity(self, bound: Bound) -> str:
        meter = self.meter
        if meter.metric == "effective_tokens":
            total = "input_tokens + cache_read_tokens + cache_write_tokens + output_tokens"
            repeated = (
                "if(reusable_tokens > cache_read_tokens, reusable_tokens - cache_read_tokens, 0)"
            )
            return f"sum(toUInt128({total} - {repeated}))"
        if meter.type == "agent.tokens" and meter.aggregation == "count":
            return "countIf(part = 1)"  # calls, of which one may be several events
        if meter.metric or meter.aggregation == "count":
            return "count()"
        if meter.aggregation == "unique":
            return f"uniqExact({dimension_sql(meter.value, -1, bound)})"
        value = VALUE_SQL[meter.value]
        if meter.aggregation == "latest":
            return f"argMax({value}, (time, source, id))"
        return f"{meter.aggregation}({value})"

    def _events(self) -> str:
        return "sum(n)" if self.meter.metric.endswith("_agent_days") else "count()"

    def _filters(self, bound: Bound) -> str:
        conditions = []
        for number, (name, allowed) in enumerate(self.meter.filters):
            # Labels already have numbers from group_by; filters take theirs from 100 on.
            expression = dimension_sql(name, 100 + number, bound)
            if allowed:
                bound[f"filter_{number}"] = list(allowed)
                conditions.append(f"{expression} IN %(filter_{number})s")
            else:
                conditions.append("0")
        return " AND ".join(conditions)
