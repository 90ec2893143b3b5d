"""How much of a meter many tenants used over local days, from what was derived for closing.

What is asked as of a watermark is the same at any later time, as long as the generations of then
are kept. It is what the events would give: metering/clickhouse/meter_query.py.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from metering.clickhouse.connection import select
from metering.clickhouse.event_columns import micros
from metering.clickhouse.meter_days import DAY_DIMENSIONS, DAY_VALUES
from metering.clickhouse.meter_query import MeterQuantity
from metering.clickhouse.scope import (
    Bound,
    dimension_sql,
    dimensions_sql,
    group_columns,
    seconds,
)
from metering.usage.meter import LABEL, Meter

# Columns of rollup_meter_generations: what is counted, and of how many events or tasks.
_COUNTED = {
    "active_agent_days": ("active_agents", "agent_events"),
    "delivering_agent_days": ("delivering_agents", "delivered_tasks"),
    "succeeded_tasks": ("succeeded_tasks", "succeeded_tasks"),
}
# More meters at once make a query long; and how far apart the numbers of their values are.
_AT_ONCE, _APART = 50, 1000
_FIRST_DAY, _LAST_DAY = date(1970, 1, 2), date(2100, 1, 1)
Group = tuple[tuple[str, str], ...]


def answers(meter: Meter) -> bool:
    """Whether the derived days hold what the meter counts."""
    names = _dimensions(meter)
    if meter != Meter(
        type=meter.type,
        aggregation=meter.aggregation,
        value=meter.value,
        metric=meter.metric,
        filters=meter.filters,
        group_by=meter.group_by,
    ):
        return False  # It says more than is known here.
    if meter.metric:
        return meter.metric in _COUNTED and not names
    known = {"type", *DAY_DIMENSIONS}
    if not all(name in known or _is_fine(name) for name in names):
        return False
    return meter.aggregation == "count" or (
        meter.aggregation in {"sum", "max"} and meter.value in DAY_VALUES
    )


def has_days(start: date, end: date) -> bool:
    """Whether days are kept apart there at all: not before 1970."""
    return start >= _FIRST_DAY and end <= _LAST_DAY


def _dimensions(meter: Meter) -> set[str]:
    return {*meter.group_by, *(name for name, _ in meter.filters)}


def _is_fine(name: str) -> bool:
    return name == "source" or name.startswith(LABEL)


@dataclass(frozen=True, slots=True, kw_only=True)
class DaysOf:
    """The days of tenants from `start` up to and not including `end`, as of a watermark."""

    tenants: tuple[int, ...]
    start: date
    end: date
    as_of: datetime

    @property
    def where(self) -> str:
        """The condition on rows of the valid generations."""
        days = "tenant IN %(tenants)s AND day >= toDate(%(start)s) AND day < toDate(%(end)s)"
        return (
            f"{days} AND (tenant, day, generation) IN (SELECT tenant, day, max(generation)"
            f" FROM rollup_meter_generations WHERE {days} AND generation < %(later)s"
            " GROUP BY tenant, day)"
        )

    @property
    def params(self) -> Bound:
        return {
            "tenants": self.tenants,
            "start": self.start.isoformat(),
            "end": self.end.isoformat(),
            "later": (micros(self.as_of) + 1) * 1024,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class MeterDaysQuery:
    """A meter that `answers` over the days of many tenants."""

    meter: Meter
    days: DaysOf

    def sql(self) -> tuple[str, Bound]:
        """Columns tenant, g0…, quantity, events."""
        bound = self.days.params
        if self.meter.metric:
            counted, events = _COUNTED[self.meter.metric]
            # The key of the table is unique only once its parts are merged.
            named = (
                "SELECT DISTINCT tenant, day, active_agents, agent_events, delivering_agents,"
                " delivered_tasks, succeeded_tasks FROM rollup_meter_generations"
                f" WHERE {self.days.where}"
            )
            sql = f"SELECT tenant, sum({counted}), sum({events}) FROM ({named}) GROUP BY tenant"
            return f"{sql} ORDER BY tenant", bound
        dimensions = dimensions_sql(self.meter.group_by, bound)
        columns = ", ".join(filter(None, ("tenant", group_columns(self.meter.group_by))))
        sql = (
            f"SELECT tenant, {dimensions}{self._quantity}, sum(events) FROM rollup_meter_days"
            f" WHERE {self._filters(bound)} GROUP BY {columns} ORDER BY {columns}"
        )
        return sql, bound

    def quantities(self) -> dict[int, list[MeterQuantity]]:
        """By tenant, one for each group that used any."""
        found: dict[int, list[MeterQuantity]] = {}
        for tenant, *row in select(*self.sql()):
            width = len(self.meter.group_by)
            group = tuple(zip(self.meter.group_by, row[:width], strict=True))
            if quantity := _quantity(self.meter, group, *row[width:]):
                found.setdefault(tenant, []).append(quantity)
        return found

    @property
    def _quantity(self) -> str:
        aggregation, column = _aggregated(self.meter)
        return f"{aggregation}({column})"

    def _filters(self, bound: Bound) -> str:
        bound["fine"] = int(_needs_fine(self.meter))
        return f"{self.days.where} AND fine = %(fine)s AND {_condition(self.meter, bound)}"


def at_once(meters: Sequence[Meter], days: DaysOf) -> dict[Meter, dict[int, list[MeterQuantity]]]:
    """What `MeterDaysQuery` says of each, those that are `alike` being read by one query."""
    by_kind: dict[bool | Meter, list[Meter]] = {}
    for meter in meters:
        by_kind.setdefault(_needs_fine(meter) if alike(meter) else meter, []).append(meter)
    found: dict[Meter, dict[int, list[MeterQuantity]]] = {}
    for some in by_kind.values():
        for n in range(0, len(some), _AT_ONCE):
            found |= _read_alike(some[n : n + _AT_ONCE], days)
    return found


def alike(meter: Meter) -> bool:
    """Whether a meter is one number, found in the same rows as others are."""
    return not meter.metric and not meter.group_by


def _read_alike(meters: list[Meter], days: DaysOf) -> dict[Meter, dict[int, list[MeterQuantity]]]:
    if len(meters) == 1:
        return {meter: MeterDaysQuery(meter=meter, days=days).quantities() for meter in meters}
    found: dict[Meter, dict[int, list[MeterQuantity]]] = {meter: {} for meter in meters}
    for tenant, *row in select(*_sql_alike(meters, days)):
        for n, meter in enumerate(meters):
            if quantity := _quantity(meter, (), row[2 * n], row[2 * n + 1]):
                found[meter][tenant] = [quantity]
    return found


def _sql_alike(meters: list[Meter], days: DaysOf) -> tuple[str, Bound]:
    """Columns tenant, and of each meter its quantity and its events."""
    bound = days.params | {"fine": int(_needs_fine(meters[0]))}
    types = tuple(sorted({meter.type for meter in meters}))
    columns = ["tenant"]
    for n, meter in enumerate(meters):
        aggregation, column = _aggregated(meter)
        condition = _condition(meter, bound, (n + 1) * _APART)
        columns += [f"{aggregation}If({column}, {condition})", f"sumIf(events, {condition})"]
    sql = (
        f"SELECT {', '.join(columns)} FROM rollup_meter_days WHERE {days.where}"
        " AND fine = %(fine)s AND type IN %(types)s GROUP BY tenant ORDER BY tenant"
    )
    return sql, bound | {"types": types}


def _aggregated(meter: Meter) -> tuple[str, str]:
    """A function and the column that it is of."""
    if meter.aggregation == "count":
        return "sum", "calls"
    return meter.aggregation, f"{meter.aggregation}_{meter.value}"


def _needs_fine(meter: Meter) -> bool:
    return any(map(_is_fine, _dimensions(meter)))


def _condition(meter: Meter, bound: Bound, first: int = _APART) -> str:
    """Which rows a meter counts; its values are bound under names with numbers from `first` on."""
    bound[f"type_{first}"] = meter.type
    conditions = [f"type = %(type_{first})s"]
    for number, (name, allowed) in enumerate(meter.filters, start=first):
        expression = dimension_sql(name, number, bound)
        bound[f"filter_{number}"] = list(allowed)
        conditions.append(f"{expression} IN %(filter_{number})s" if allowed else "0")
    return " AND ".join(conditions)


def _quantity(
    meter: Meter, group: Group, number: Decimal | int, events: int
) -> MeterQuantity | None:
    """None where no event was counted."""
    amount = Decimal(number)
    if meter.value == "chip_seconds":
        amount = seconds(amount)
    return MeterQuantity(group, amount, events) if events else None


def type_counts(days: DaysOf) -> dict[int, list[tuple[str, int]]]:
    """By tenant, how many events of each type there are."""
    sql = (
        f"SELECT tenant, type, sum(events) FROM rollup_meter_days WHERE {days.where} AND NOT fine"
        " GROUP BY tenant, type ORDER BY tenant, type"
    )
    found: dict[int, list[tuple[str, int]]] = {}
    for tenant, name, events in select(sql, days.params):
        found.setdefault(tenant, []).append((name, events))
    return found


def derived_since(since: Mapping[int, int], as_of: datetime) -> dict[int, dict[date, int]]:
    """By tenant the days derived anew after a moment of its own (µs), and as of when (µs)."""
    sql = (
        "SELECT tenant, day, intDiv(max(generation), 1024) AS moment"
        " FROM rollup_meter_generations WHERE tenant IN %(tenants)s AND generation < %(later)s"
        " GROUP BY tenant, day HAVING moment >"
        " transform(tenant, %(ids)s, %(since)s::Array(UInt64), 0::UInt64)"
    )
    bound: Bound = {
        "tenants": tuple(since),
        "ids": list(since),
        "since": list(since.values()),
        "later": (micros(as_of) + 1) * 1024,
    }
    found: dict[int, dict[date, int]] = {}
    for tenant, day, moment in select(sql, bound) if since else ():
        found.setdefault(tenant, {})[day] = moment
    return found
