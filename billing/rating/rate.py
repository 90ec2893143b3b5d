"""Rating: a charge and a usage in, an exact amount with the lines that explain it out."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from decimal import Decimal, Inexact, localcontext

from billing.rating.charge import Charge
from billing.rating.charge_models.dynamic import Dynamic
from billing.rating.charge_models.percentage import Percentage
from billing.rating.errors import ChargeError
from billing.rating.line import RatedLine, cut, difference, total
from billing.rating.money import EXACT, ROUNDED, ZERO, plain
from billing.rating.units import EventSums, Units, UsageToRate

# Where windows are added up, what follows the model follows all of its lines.
_AFTER_MODEL = {
    key: place
    for place, key in enumerate(("true-up", "overage", "discount", "maximum", "minimum"), start=1)
}


@dataclass(frozen=True, slots=True)
class Rated:
    """An exact amount: the plain sum of its lines."""

    amount: Decimal
    lines: tuple[RatedLine, ...]


def rate(charge: Charge, usage: UsageToRate) -> Rated:
    """Price a usage, exactly, whatever the caller's decimal context.

    With buckets every window is rated alone, all adjustments included, and the windows are summed.
    """
    return _rated(lambda: _lines(charge, usage))


def rate_sums(charge: Charge, sums: EventSums) -> Rated:
    """Price single events by their sums, which are what conversion and free units left of them."""
    return _rated(lambda: _adjusted(charge, _by_sums(charge, sums)))


def rate_windows(charge: Charge, windows: Iterable[Decimal | EventSums]) -> Rated:
    """Price each window alone and add up what is the same in all of them, line by line.

    The amount is that of `rate` with buckets; a month of hours has no line for each.
    """
    return _rated(lambda: _merged(charge, Counter(windows)))


def adjust(charge: Charge, lines: list[RatedLine]) -> Rated:
    """Apply to lines priced elsewhere what follows the model: commitment to minimum."""
    return _rated(lambda: _adjusted(charge, lines))


def _rated(lines_of: Callable[[], list[RatedLine]]) -> Rated:
    try:
        with localcontext(EXACT):
            lines = lines_of()
    except Inexact:
        # A third of a unit never ends: carry a thousand digits, then cut to sixty decimals, so
        # that three thirds are one again.
        with localcontext(ROUNDED):
            lines = cut(lines_of())
    with localcontext(EXACT):
        return Rated(total(lines), tuple(lines))


def _lines(charge: Charge, usage: UsageToRate) -> list[RatedLine]:
    if usage.buckets is not None:
        return _windows(charge, usage.buckets)
    _check_events(charge, usage)
    if usage.already_rated:
        return _added(charge, usage)
    return _once(charge, Units(usage.quantity, usage.events))


def _once(charge: Charge, units: Units) -> list[RatedLine]:
    """The order of adjustments, written here and nowhere else."""
    # Prices and free units are stated in converted units.
    if charge.unit_conversion is not None:
        units = units.converted(charge.unit_conversion.convert)
    # Free units go before the model, so that they are the first ones and not the dearest.
    units = units.beyond(charge.free_units)
    return _adjusted(charge, charge.model.lines(units))


def _adjusted(charge: Charge, lines: list[RatedLine]) -> list[RatedLine]:
    # A commitment is stated in list prices, so the discount follows it; the maximum bounds what is
    # really paid; the minimum is last because it is owed whatever was taken off before.
    for step in (charge.commitment, charge.discount, charge.maximum, charge.minimum):
        if step is not None:
            lines = [*lines, *step.lines(total(lines))]
    return lines


def _windows(charge: Charge, buckets: tuple[Decimal, ...]) -> list[RatedLine]:
    return [
        replace(line, key=f"window-{n}-{line.key}", description=f"Window {n}: {line.description}")
        for n, quantity in enumerate(buckets, start=1)
        for line in _once(charge, Units(quantity))
    ]


def _merged(charge: Charge, windows: Counter[Decimal | EventSums]) -> list[RatedLine]:
    """Windows with the same quantity cost the same."""
    merged: dict[str, RatedLine] = {}
    for window, times in windows.items():
        for line in _window(charge, window):
            before = merged.get(line.key)
            merged[line.key] = replace(
                line,
                quantity=times * line.quantity + (before.quantity if before else ZERO),
                amount=times * line.amount + (before.amount if before else ZERO),
            )
    return sorted(merged.values(), key=lambda line: _AFTER_MODEL.get(line.key, 0))


def _window(charge: Charge, window: Decimal | EventSums) -> list[RatedLine]:
    if isinstance(window, Decimal):
        return _once(charge, Units(window))
    return _adjusted(charge, _by_sums(charge, window))


def _by_sums(charge: Charge, sums: EventSums) -> list[RatedLine]:
    return charge.model.lines(Units(sums.total / sums.scale, sums=sums))


def _added(charge: Charge, usage: UsageToRate) -> list[RatedLine]:
    """What the quantity adds: the rating of all of it less the rating of the earlier part.

    Everything is cumulative over the period, so free units, started packages, flat amounts, a
    minimum and a maximum count once however often the period is rated, and the parts always add
    up to the whole. With volume the earlier units are priced anew, which may give money back.
    Events of the earlier part stand in both ratings as one and cancel out.
    """
    before, after = usage.already_rated, usage.already_rated + usage.quantity
    if usage.events is None:
        return difference(_once(charge, Units(after)), _once(charge, Units(before)))
    earlier = (before,)
    return difference(
        _once(charge, Units(after, earlier + usage.events)), _once(charge, Units(before, earlier))
    )


def _check_events(charge: Charge, usage: UsageToRate) -> None:
    if usage.events is not None and not isinstance(charge.model, Dynamic):
        whole = sum(usage.events, ZERO)
        if whole != usage.quantity:
            problem = f"add up to {plain(whole)}, but the quantity is {plain(usage.quantity)}"
            raise ChargeError("events", problem)
    each = isinstance(charge.model, Percentage) and charge.model.prices_each_event
    if usage.already_rated and each and (charge.commitment or charge.maximum or charge.minimum):
        raise ChargeError(
            "already_rated", "cannot tell what single events cost, which the charge needs"
        )
