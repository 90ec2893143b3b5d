"""Which events a query may see. Every query over events begins here, and here alone is its tenant.

Also the table from which the names of dimensions and values become SQL; a name that is not in it
never reaches ClickHouse, and label keys are bound like any value.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Context, Decimal

from metering.clickhouse.connection import select
from metering.clickhouse.event_columns import micros
from metering.usage.meter import LABEL
from metering.usage.period import Period

Bound = dict[str, object]
# What a name of the table below has to be, each.
Filters = tuple[tuple[str, str], ...]

_COLUMN_DIMENSIONS = (
    "agent",
    "task",
    "source",
    "type",
    "status",
    "session",
    "parent_task",
    "prompt",  # of calls alone, as the rollup has them
    "provider",
    "model",
    "modality",
    "service_tier",
    "cache",
    "chip",
    "phase",
    "region",
    "tool",
)

# count × µs and decimals are summed in 256 bits, integers in 128: no total can wrap around.
_CHIP_MICROSECONDS = (
    "toDecimal256(count, 18) * (toUnixTimestamp64Micro(assumeNotNull(ended_at))"
    " - toUnixTimestamp64Micro(assumeNotNull(started_at)))"
)
VALUE_SQL: dict[str, str] = {
    name: f"toUInt128({name})"
    for name in (
        "input_tokens",
        "cache_read_tokens",
        "cache_write_tokens",
        "cache_write_long_tokens",
        "output_tokens",
        "reasoning_tokens",
        "saved_tokens",
    )
} | {
    "duration_ms": "toUInt128(ifNull(duration_ms, 0))",
    "prompt_tokens": "toUInt128(input_tokens + cache_read_tokens + cache_write_tokens)",
    "total_tokens": (
        "toUInt128(input_tokens + cache_read_tokens + cache_write_tokens + output_tokens)"
    ),
    "count": "toDecimal256(count, 18)",
    "units": "toDecimal256(units, 18)",
    "value": "toDecimal256(value, 18)",
    "chip_seconds": _CHIP_MICROSECONDS,  # in microseconds; divided in Python, exactly
}

# Wide enough for every digit of a Decimal(76).
_EXACT = Context(prec=100)


def seconds(chip_microseconds: Decimal) -> Decimal:
    """The sum of `chip_seconds`, which is in microseconds, in seconds; exact."""
    return chip_microseconds.scaleb(-6, _EXACT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """The events of one tenant, in a period, of some types or tasks, received before a watermark.

    `hours`, of tasks, are full hours since the epoch in seconds: where in time their events are.
    With `open_end` the period has only a start. `prefix` keeps the values of two scopes in one
    query apart.
    """

    tenant: int
    timezone: str = "UTC"
    period: Period | None = None
    open_end: bool = False
    types: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    hours: tuple[int, ...] = ()
    received_before: datetime | None = None
    without_superseded: bool = True
    prefix: str = ""

    @property
    def where(self) -> str:
        """The condition, its values bound by `params`."""
        return self.since("start")

    def since(self, start: str) -> str:
        """The condition with another bound value as the start of the period."""
        tenant = f"tenant = {self._bound('tenant')}"
        conditions = [tenant]
        if self.types:
            conditions.append(f"type IN {self._bound('types')}")
        if self.tasks:
            conditions.append(f"task IN {self._bound('tasks')}")
        if self.hours:
            conditions.append(f"toStartOfHour(time) IN {self._bound('hours')}")
        if self.period:
            conditions.append(f"time >= fromUnixTimestamp64Micro({self._bound(start)})")
        if self.period and not self.open_end:
            conditions.append(f"time < fromUnixTimestamp64Micro({self._bound('end')})")
        before = self._bound("received_before")
        if self.received_before:
            conditions.append(f"received_at < fromUnixTimestamp64Micro({before})")
        if self.without_superseded:
            losers = f"SELECT identity, commit FROM superseded WHERE {tenant}"
            replaced = f"SELECT identity, commit FROM amended WHERE {tenant}"
            if self.received_before:
                replaced += f" AND amended_at < fromUnixTimestamp64Micro({before})"
            conditions.append(f"(identity, commit) NOT IN ({losers} UNION ALL {replaced})")
        return " AND ".join(conditions)

    @property
    def params(self) -> Bound:
        """The values of `where`, the end of an open period, and the tenant's zone."""
        bound: Bound = {"tenant": self.tenant, "types": self.types}
        bound |= {"tasks": self.tasks, "hours": self.hours}
        if self.period:
            bound |= {"start": micros(self.period.start), "end": micros(self.period.end)}
        if self.received_before:
            bound["received_before"] = micros(self.received_before)
        prefixed = {f"{self.prefix}{name}": value for name, value in bound.items()}
        return prefixed | {"timezone": self.timezone}

    def _bound(self, name: str) -> str:
        return f"%({self.prefix}{name})s"


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantsScope:
    """The events of several tenants received before a watermark; every answer tells them apart."""

    tenants: tuple[int, ...]
    received_before: datetime
    without_superseded: bool = True

    @property
    def where(self) -> str:
        """The condition, its values bound by `params`."""
        before = "fromUnixTimestamp64Micro(%(received_before)s)"
        where = f"tenant IN %(tenants)s AND received_at < {before}"
        if not self.without_superseded:
            return where
        losers = "SELECT tenant, identity, commit FROM superseded WHERE tenant IN %(tenants)s"
        replaced = (
            "SELECT tenant, identity, commit FROM amended WHERE tenant IN %(tenants)s"
            f" AND amended_at < {before}"
        )
        return f"{where} AND (tenant, identity, commit) NOT IN ({losers} UNION ALL {replaced})"

    @property
    def params(self) -> Bound:
        return {"tenants": self.tenants, "received_before": micros(self.received_before)}


def has_superseded(*tenants: int) -> bool:
    """Whether any row of theirs was ever beaten; mostly not, and scans read less then."""
    return any(
        select(f"SELECT 1 FROM {table} WHERE tenant IN %(tenants)s LIMIT 1", {"tenants": tenants})
        for table in ("superseded", "amended")
    )


def dimension_sql(name: str, number: int, bound: Bound) -> str:
    """The expression of a dimension; a label's key is added to `bound`."""
    if name.startswith(LABEL):
        bound[f"label_{number}"] = name.removeprefix(LABEL)
        return f"labels[%(label_{number})s]"
    if name == "day":
        return "toString(toDate(time, %(timezone)s))"
    if name not in _COLUMN_DIMENSIONS:
        raise KeyError(name)
    return name


def dimensions_sql(names: Sequence[str], bound: Bound) -> str:
    """`expression AS g0, …, ` for a SELECT list; empty without names."""
    return "".join(f"{dimension_sql(name, n, bound)} AS g{n}, " for n, name in enumerate(names))


def filters_sql(filters: Filters, bound: Bound) -> str:
    """` AND …` for each filter, its value bound; empty without any."""
    conditions = ""
    for number, (name, value) in enumerate(filters):
        # Labels of group_by have numbers already; those of filters begin further up.
        expression = dimension_sql(name, 200 + number, bound)
        bound[f"only_{number}"] = value
        conditions += f" AND {expression} = %(only_{number})s"
    return conditions


def group_columns(names: Sequence[str]) -> str:
    """The aliases that `dimensions_sql` gave, for GROUP BY and ORDER BY."""
    return ", ".join(f"g{n}" for n in range(len(names)))
