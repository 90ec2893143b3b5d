"""What many tenants used, as far as a price depends on it: by one query for each time zone.

For the operator. Days are put together up to the next one on which some price changes, so that the
answer is as long as there are tenants, models and prices, and not days.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from metering.clickhouse.connection import select
from metering.clickhouse.event_columns import micros
from metering.clickhouse.scope import VALUE_SQL, Bound, seconds
from metering.usage.calls import USEFUL, PricedCalls
from metering.usage.period import range_period

_EPOCH = date(1970, 1, 1)
_TOKENS = (
    "input_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "cache_write_long_tokens",
    "output_tokens",
    "reasoning_tokens",
)
_DAY = (
    "arrayMax(arrayMap(d -> if(toUInt32(toUInt16(toDate(time, %(timezone)s))) >= d, d, 0),"
    " %(days)s)) AS price_day"
)
_IN_PERIOD = (
    "time >= fromUnixTimestamp64Micro(%(start)s) AND time < fromUnixTimestamp64Micro(%(end)s)"
)
_HOURS = (
    "hour >= toStartOfHour(fromUnixTimestamp64Micro(%(start)s, 'UTC'))"
    " AND hour <= toStartOfHour(fromUnixTimestamp64Micro(%(end)s, 'UTC'))"
)
_PROMPT = "input_tokens + cache_read_tokens + cache_write_tokens + other_prompt_tokens"
_CALLS = (
    "SELECT tenant, provider, model, modality, service_tier,"
    f" {_DAY}, arrayMax(arrayMap(t -> if({_PROMPT} > t, t, 0), %(thresholds)s)) AS prompt_over,"
    f" countIf(part = 1), {', '.join(f'sum(toUInt128({name}))' for name in _TOKENS)}"
    f" FROM rollup_calls WHERE tenant IN %(tenants)s AND {_IN_PERIOD} AND {_HOURS}"
    " AND (tenant, hour, generation) IN (SELECT tenant, hour, max(generation)"
    f" FROM rollup_generations WHERE tenant IN %(tenants)s AND {_HOURS} GROUP BY tenant, hour)"
    " GROUP BY tenant, provider, model, modality, service_tier, price_day, prompt_over"
    " ORDER BY tenant, model, provider, modality, service_tier, price_day, prompt_over"
)
_LOSERS = " UNION ALL ".join(
    f"SELECT tenant, identity, commit FROM {table} WHERE tenant IN %(tenants)s"
    for table in ("superseded", "amended")
)


class TenantUse(NamedTuple):
    """A tenant's `quantity` of a chip (chip-seconds) or tool (units), from a day of prices on."""

    tenant: int
    name: str
    day: date
    quantity: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantsUseQuery:
    """Use of tenants of one time zone between two of their dates, half-open.

    `days` are those within on which a price may change, `thresholds` lengths of a prompt.
    """

    tenants: tuple[int, ...]
    timezone: str
    start: date
    end: date
    days: tuple[date, ...] = ()
    thresholds: tuple[int, ...] = ()

    def calls(self) -> Iterator[tuple[int, PricedCalls]]:
        """Model calls of each tenant, from the rollups; all as useful, none as repeated."""
        for tenant, provider, model, modality, tier, day, over, n, *tokens in select(
            _CALLS, self._bound()
        ):
            yield (
                tenant,
                PricedCalls(
                    provider=provider,
                    model=model,
                    modality=modality,
                    service_tier=tier,
                    day=_EPOCH + timedelta(days=day),
                    prompt_over=over,
                    outcome=USEFUL,
                    requests=n,
                    reusable_tokens=0,
                    repeated_tokens=0,
                    **dict(zip(_TOKENS, tokens, strict=True)),
                ),
            )

    def units(self, kind: str) -> Iterator[TenantUse]:
        """`kind` is chip or tool; straight from the events."""
        value = VALUE_SQL["chip_seconds" if kind == "chip" else "units"]
        sql = (
            f"SELECT tenant, {kind}, {_DAY}, sum({value}) FROM events"
            f" WHERE tenant IN %(tenants)s AND type = %(type)s AND {_IN_PERIOD}"
            f" AND (tenant, identity, commit) NOT IN ({_LOSERS})"
            f" GROUP BY tenant, {kind}, price_day ORDER BY tenant, {kind}, price_day"
        )
        for tenant, name, day, total in select(sql, self._bound() | {"type": f"agent.{kind}"}):
            quantity = seconds(total) if kind == "chip" else total
            yield TenantUse(tenant, name, _EPOCH + timedelta(days=day), quantity)

    def _bound(self) -> Bound:
        period = range_period(self.start, self.end, self.timezone)
        days = {self.start, *(day for day in self.days if self.start < day < self.end)}
        return {
            "tenants": self.tenants,
            "timezone": self.timezone,
            "start": micros(period.start),
            "end": micros(period.end),
            "days": sorted((day - _EPOCH).days for day in days),
            "thresholds": [0, *self.thresholds],
        }
