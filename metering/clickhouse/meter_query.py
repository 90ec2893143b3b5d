"""How much of one meter each group used: a meter, which is data, compiled to SQL."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from metering.clickhouse.call_slices import call_slices
from metering.clickhouse.calls_query import raw_calls_sql
from metering.clickhouse.connection import Row, select
from metering.clickhouse.event_columns import from_micros
from metering.clickhouse.event_rows import MICROS, filters_sql, grouped, row_groups, window_sql
from metering.clickhouse.level_query import level_sql, percentile_sql
from metering.clickhouse.scope import (
    VALUE_SQL,
    Bound,
    Scope,
    dimension_sql,
    dimensions_sql,
    seconds,
)
from metering.clickhouse.usage_query import outcomes_sql
from metering.usage.exact import divided
from metering.usage.meter import LEVELS, PERCENTILE, Meter
from metering.usage.period import Period


class MeterQuantity(NamedTuple):
    """What one group used: `group` as (name, value) pairs in the order of the meter's group_by.

    Of a meter with windows, in the one that begins at `window`.
    """

    group: tuple[tuple[str, str], ...]
    quantity: Decimal
    events: int
    window: datetime | None = None


# Noon of a local day, which is within it wherever its midnight is left out.
_NOON = "toUnixTimestamp(toDateTime(day, %(timezone)s)) * 1000000 + 43200000000"


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterQuery:
    """A meter over a tenant's period; `scope` must have that period.

    With `windows`, which the period is cut into, each of them is counted alone. The mean of a
    level is over `whole`, of which the period may be a part: the means of the parts then add up.
    """

    meter: Meter
    scope: Scope
    windows: tuple[Period, ...] = ()
    whole: Period | None = None
    min_tasks: int = 1
    reuse_window: timedelta = timedelta(days=1)

    def sql(self) -> tuple[str, Bound]:
        """Columns g0…, w of a meter with windows, quantity, events."""
        if self.meter.aggregation in LEVELS:
            return level_sql(self.meter, self._typed, self.windows)
        if self.meter.aggregation == PERCENTILE:
            return percentile_sql(self.meter, self._typed, self.windows)
        source, bound = self._source()
        dimensions = dimensions_sql(self.meter.group_by, bound)
        dimensions += window_sql(self.windows, bound, self._moment)
        sql = f"SELECT {dimensions}{self._quantity(bound)}, {self._events()} FROM {source}"
        conditions = filters_sql(self.meter, bound)
        if conditions:
            sql += (" AND " if source.startswith("events WHERE") else " WHERE ") + conditions
        return sql + grouped(row_groups(self.meter, self.windows)), bound

    def quantities(self) -> list[MeterQuantity]:
        """One for each group, and window, that used any; nothing for the others."""
        if self.meter.metric == "effective_tokens":
            return self._sum_of_slices()
        found = map(self._quantity_of, select(*self.sql()))
        return [quantity for quantity in found if quantity.events]

    def _sum_of_slices(self) -> list[MeterQuantity]:
        """What has to look at each call's neighbours looks at as many calls as memory is for."""
        found: dict[tuple[Any, ...], MeterQuantity] = {}
        for part in call_slices(replace(self.scope, types=("agent.tokens",))):
            for row in select(*replace(self, scope=replace(self.scope, period=part)).sql()):
                new = self._quantity_of(row)
                key = new.group, new.window
                old = found.get(key, new._replace(quantity=Decimal(0), events=0))
                quantity = Decimal(int(old.quantity) + int(new.quantity))
                found[key] = old._replace(quantity=quantity, events=old.events + new.events)
        return [found[key] for key in sorted(found) if found[key].events]

    def _quantity_of(self, row: Row) -> MeterQuantity:
        *key, amount, events = row
        amount = Decimal(amount)
        window = from_micros(key.pop()) if self.windows else None
        group = tuple(zip(self.meter.group_by, key, strict=True))
        return MeterQuantity(group, self._in_units(amount, window), events, window)

    def _in_units(self, amount: Decimal, window: datetime | None) -> Decimal:
        if self.meter.value == "chip_seconds":
            amount = seconds(amount)
        if self.meter.aggregation in LEVELS:
            amount = seconds(amount)
        if self.meter.aggregation != "time_weighted_mean":
            return amount
        lengths = {one.start: one.seconds for one in self.windows}
        whole = self.whole or self.scope.period
        assert whole is not None, "a mean is over a period"  # noqa: S101
        return divided(amount, lengths[window] if window else whole.seconds)

    @property
    def _typed(self) -> Scope:
        return replace(self.scope, types=(self.meter.type,))

    @property
    def _moment(self) -> str:
        """The moment by which what is counted falls into a window."""
        return _NOON if self.meter.metric.endswith("_agent_days") else MICROS

    def _source(self) -> tuple[str, Bound]:
        match self.meter.metric:
            case "":
                return f"events WHERE {self._typed.where}", self._typed.params
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
