"""Charges that price each single event, rated from sums: millions of events need not be held.

Of an event only three things matter: that it happened, its base, and whether what it owes is
below the minimum or above the maximum per event.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction

from billing.rating.charge import Charge
from billing.rating.charge_models.dynamic import Dynamic
from billing.rating.charge_models.percentage import Percentage
from billing.rating.money import EXACT, ONE
from billing.rating.units import EventSums, beyond, sum_events


@dataclass(frozen=True, slots=True)
class EachEvent:
    """How a charge looks at a single event.

    `low` and `high` are bases as measured, before any conversion by `scale`. With `by_sums` they
    are all that has to be known of an event; else its place among the others, or the rounding of
    its own quantity, matters and events have to be gone through in their order.
    """

    low: Fraction | None
    high: Fraction | None
    scale: Decimal
    by_sums: bool


def each_event(charge: Charge) -> EachEvent | None:
    """None for a charge that prices a quantity however events brought it."""
    model, rounded = charge.model, _rounds(charge)
    if isinstance(model, Dynamic):
        # Amounts in a smaller unit are rounded one by one, as each event carries its own.
        return EachEvent(None, None, ONE, by_sums=False) if rounded else None
    if not isinstance(model, Percentage) or not model.prices_each_event:
        return None
    conversion = charge.unit_conversion
    scale = conversion.divide_by if conversion and not rounded else ONE
    low, high = model.bounds(scale)
    return EachEvent(low, high, scale, by_sums=not rounded and not charge.free_units)


def fold_events(charge: Charge, each: EachEvent, events: Iterable[Decimal]) -> EventSums:
    """The sums of events in the order of time, as they come, in constant memory."""
    with localcontext(EXACT):
        if charge.unit_conversion and _rounds(charge):
            events = map(charge.unit_conversion.convert, events)
        if free := charge.free_units * each.scale:
            events = beyond(events, free)
        return sum_events(events, each.low, each.high, each.scale)


def _rounds(charge: Charge) -> bool:
    return charge.unit_conversion is not None and charge.unit_conversion.rounding != "none"
