"""The `cost` metric: what the operator paid for a tenant's usage, for cost-plus charges."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from billing.costs import Cost, CostBook
from metering import queries
from metering.models import Tenant
from metering.usage.meter import LABEL, Meter
from metering.usage.period import Period

Group = tuple[tuple[str, str], ...]


def cost_quantities(
    tenant: Tenant, meter: Meter, period: Period, book: CostBook, received_before: datetime
) -> tuple[dict[Group, Decimal], list[str]]:
    """The cost of each group, and the names of what has no price.

    Tokens, chips and tools. A meter that filters or groups by what only model calls have, such as
    the model, is about calls alone.
    """
    names = tuple(dict.fromkeys((*meter.group_by, *(name for name, _ in meter.filters))))
    costs: dict[Group, Cost] = defaultdict(Cost)
    found = queries.priced_calls(tenant, period, names, book.thresholds, received_before)
    for values, calls in found:
        if _matches(meter, values):
            book.add_calls(costs[_group(meter, values)], calls)
    if all(name in ("agent", "day") or name.startswith(LABEL) for name in names):
        for kind, use in _units(tenant, period, names, received_before):
            if _matches(meter, use.group):
                cost = costs[_group(meter, use.group)]
                book.add_units(cost, kind, use.name, use.day, use.quantity)
    missing = sorted({name for cost in costs.values() for name in cost.unpriced})
    return {group: cost.total for group, cost in costs.items() if cost.total}, missing


def cost_usage(
    tenant: Tenant, meter: Meter, period: Period, book: CostBook, received_before: datetime
) -> tuple[list[queries.MeterQuantity], list[str]]:
    """The same as quantities of a meter, by day where the meter counts each day alone."""
    days = {
        f"{window.start.astimezone(ZoneInfo(tenant.timezone)):%F}": window.start
        for window in queries.meter_windows(tenant, meter, period)
    }
    by_day = replace(meter, group_by=(*meter.group_by, "day")) if days else meter
    costs, missing = cost_quantities(tenant, by_day, period, book, received_before)
    found = []
    for group, cost in costs.items():
        values = dict(group)
        window = days[values.pop("day")] if days else None
        found.append(queries.MeterQuantity(tuple(values.items()), cost, 1, window))
    return found, missing


def _units(
    tenant: Tenant, period: Period, names: tuple[str, ...], received_before: datetime
) -> Iterator[tuple[str, queries.DailyUse]]:
    for kind in ("chip", "tool"):
        for use in queries.daily_use(tenant, period, kind, names, received_before):
            yield kind, use


def _matches(meter: Meter, values: dict[str, str]) -> bool:
    return all(values[name] in allowed for name, allowed in meter.filters)


def _group(meter: Meter, values: dict[str, str]) -> Group:
    return tuple(sorted((name, values[name]) for name in meter.group_by))
