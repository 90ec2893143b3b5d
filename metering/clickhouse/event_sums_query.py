"""Single events for the charges that price each: their sums, or one after the other."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from fractions import Fraction
from typing import NamedTuple

from metering.clickhouse.connection import Row, select, stream
from metering.clickhouse.event_columns import from_micros
from metering.clickhouse.event_rows import event_rows, exact_value_sql, grouped, row_groups
from metering.clickhouse.scope import Bound, Scope, seconds
from metering.usage.meter import Meter
from metering.usage.period import Period

Group = tuple[tuple[str, str], ...]
# What a value is stored in; all of them, and their sums, have far fewer digits before the point.
_PLACES = Decimal("1e-18")
_LARGEST = Decimal(10) ** 50
_DOWN, _UP = Context(prec=200, rounding=ROUND_FLOOR), Context(prec=200, rounding=ROUND_CEILING)


class SummedEvents(NamedTuple):
    """Events of a group and window: how many and their sum; also of those below and above."""

    group: Group
    window: datetime | None
    events: int
    total: Decimal
    low_events: int
    low_total: Decimal
    high_events: int
    high_total: Decimal


class OneEvent(NamedTuple):
    """What one event brings to a meter."""

    group: Group
    window: datetime | None
    value: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSumsQuery:
    """A meter that sums or counts, event by event; `scope` must have the period.

    `windows`, if any, are what the period is cut into.
    """

    meter: Meter
    scope: Scope
    windows: tuple[Period, ...] = ()

    def sums(self, low: Fraction | None, high: Fraction | None) -> list[SummedEvents]:
        """By group and window; what is below `low` and above `high` is summed beside."""
        rows, bound = self._rows()
        groups = row_groups(self.meter, self.windows)
        below = self._compared("<", "low", low, _UP, bound)
        above = self._compared(">", "high", high, _DOWN, bound)
        sql = (
            f"SELECT {f'{groups}, ' if groups else ''}count(), sum(v), countIf({below}),"
            f" sumIf(v, {below}), countIf({above}), sumIf(v, {above}) FROM ({rows})"
        )
        found = select(sql + grouped(groups), bound)
        return [self._summed(row) for row in found if row[-6]]

    def each(self) -> Iterator[OneEvent]:
        """One by one: by group and window, and in them by (time, source, id)."""
        rows, bound = self._rows("time, source, id, ")
        groups = row_groups(self.meter, self.windows)
        order = ", ".join(filter(None, (groups, "time, source, id")))
        names = f"{groups}, " if groups else ""
        for row in stream(f"SELECT {names}v FROM ({rows}) ORDER BY {order}", bound):
            yield OneEvent(*self._place(row[:-1]), self._in_units(row[-1]))

    def _rows(self, more: str = "") -> tuple[str, Bound]:
        scope = replace(self.scope, types=(self.meter.type,))
        columns = f"{more}{exact_value_sql(self.meter)} AS v"
        rows, bound = event_rows(self.meter, scope, columns, self.windows)
        if (self.meter.type, self.meter.aggregation) == ("agent.tokens", "count"):
            rows += " AND part = 1"  # calls, of which one may be several events
        return rows, bound

    def _compared(
        self, sign: str, name: str, limit: Fraction | None, rounding: Context, bound: Bound
    ) -> str:
        """The comparison with a limit between two values that are stored, brought to one."""
        if limit is None:
            return "0"
        if self.meter.value == "chip_seconds":
            limit *= 1_000_000
        at = rounding.divide(Decimal(limit.numerator), Decimal(limit.denominator))
        at = max(min(at, _LARGEST), -_LARGEST).quantize(_PLACES, context=rounding)
        bound[name] = f"{at:f}"
        return f"v {sign} toDecimal256(%({name})s, 18)"

    def _summed(self, row: Row) -> SummedEvents:
        events, total, low, low_total, high, high_total = row[-6:]
        totals = [self._in_units(value) for value in (total, low_total, high_total)]
        group, window = self._place(row[:-6])
        return SummedEvents(group, window, events, totals[0], low, totals[1], high, totals[2])

    def _place(self, key: Sequence[object]) -> tuple[Group, datetime | None]:
        group = tuple(zip(self.meter.group_by, map(str, key), strict=False))
        return group, from_micros(int(str(key[-1]))) if self.windows else None

    def _in_units(self, value: Decimal) -> Decimal:
        return seconds(value) if self.meter.value == "chip_seconds" else value
