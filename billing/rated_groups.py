"""What each group of a charge's meter comes to: its quantity, windows or single events, rated."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from typing import NamedTuple

from billing.rating.charge import Charge
from billing.rating.each_event import EachEvent, each_event, fold_events
from billing.rating.money import ZERO
from billing.rating.rate import Rated, rate, rate_sums, rate_windows
from billing.rating.units import EventSums, UsageToRate
from metering import queries
from metering.models import Tenant
from metering.usage.meter import Meter
from metering.usage.period import Period

Group = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What a charge counts: a meter over a part of the billed period, up to a watermark."""

    tenant: Tenant
    charge: Charge
    meter: Meter
    period: Period
    whole: Period
    watermark: datetime


class _Sums(NamedTuple):
    group: Group
    window: datetime | None
    sums: EventSums


def rated_groups(counted: Counted, quantities: list[queries.MeterQuantity]) -> dict[Group, Rated]:
    """By group, each rated alone; a charge without any usage is rated at 0, for its minimum.

    `quantities` are the meter's; those of a charge that prices each event are read here.
    """
    each = each_event(counted.charge)
    if counted.meter.window:
        return _by_window(counted, each, quantities)
    if each is not None:
        return {s.group: rate_sums(counted.charge, s.sums) for s in _sums(counted, each)} or {
            (): rate_sums(counted.charge, EventSums())
        }
    usage = {_sorted(item.group): item.quantity for item in quantities} or {(): ZERO}
    return {
        group: rate(counted.charge, UsageToRate(quantity=quantity))
        for group, quantity in usage.items()
    }


def _by_window(
    counted: Counted, each: EachEvent | None, quantities: list[queries.MeterQuantity]
) -> dict[Group, Rated]:
    """Every window of the period is rated, also one in which the group used nothing."""
    nothing: Decimal | EventSums = EventSums() if each else ZERO
    windows = queries.meter_windows(counted.tenant, counted.meter, counted.period)
    found: dict[Group, dict[datetime | None, Decimal | EventSums]] = defaultdict(dict)
    if each is None:
        for item in quantities:
            found[_sorted(item.group)][item.window] = item.quantity
    else:
        for some in _sums(counted, each):
            found[some.group][some.window] = some.sums
    return {
        group: rate_windows(counted.charge, [used.get(w.start, nothing) for w in windows])
        for group, used in (found or {(): {}}).items()
    }


def _sums(counted: Counted, each: EachEvent) -> Iterator[_Sums]:
    """Summed by the store where that is all that matters, else folded as they stream in."""
    of = counted.tenant, counted.meter, counted.period, counted.watermark
    if each.by_sums:
        for found in queries.event_sums(*of, each.low, each.high):
            yield _Sums(_sorted(found.group), found.window, EventSums(*found[2:], each.scale))
        return
    for (group, window), some in groupby(queries.events_of(*of), key=lambda e: (e.group, e.window)):
        values = (event.value for event in some)
        yield _Sums(_sorted(group), window, fold_events(counted.charge, each, values))


def _sorted(group: Group) -> Group:
    return tuple(sorted(group))
