"""Rating: a charge and a usage in, an exact amount with the lines that explain it out."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal, Inexact, localcontext

from billing.rating.charge import Charge
from billing.rating.charge_models.dynamic import Dynamic
from billing.rating.charge_models.percentage import Percentage
from billing.rating.fields import ChargeError, checked
from billing.rating.line import RatedLine, total
from billing.rating.money import EXACT, ONE, ROUNDED, ZERO, plain
from billing.rating.units import Units

# Where a unit conversion leaves a quotient that never ends, a line is cut here.
_PLACES = ONE.scaleb(-60, ROUNDED)


@dataclass(frozen=True, slots=True)
class UsageToRate:
    """The quantity to rate, or one for each window.

    `events` are the parts of the quantity that single events brought. `already_rated` is the
    quantity of the same period that was rated before; 0 says that nothing was.
    """

    quantity: Decimal = ZERO
    already_rated: Decimal = ZERO
    events: tuple[Decimal, ...] | None = None
    buckets: tuple[Decimal, ...] | None = None

    def __post_init__(self) -> None:
        checked(self.quantity, "quantity")
        checked(self.already_rated, "already_rated")
        for name, numbers in (("events", self.events), ("buckets", self.buckets)):
            for n, number in enumerate(numbers or ()):
                checked(number, f"{name}[{n}]")
        if self.buckets is not None:
            self._refuse_beside_buckets()

    def _refuse_beside_buckets(self) -> None:
        for name in ("quantity", "already_rated", "events"):
            if getattr(self, name):
                raise ChargeError(name, "cannot be given together with buckets")


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
            lines = _cut(lines_of())
    with localcontext(EXACT):
        return Rated(total(lines), tuple(lines))


def _cut(lines: list[RatedLine]) -> list[RatedLine]:
    """Cut running totals and not amounts, so that the lines add up to the total, cut once."""
    result, exact, cut = [], ZERO, ZERO
    for line in lines:
        exact += line.amount
        before, cut = cut, exact.quantize(_PLACES)
        quantity = line.quantity.quantize(_PLACES)
        result.append(replace(line, quantity=quantity, amount=cut - before))
    return result


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


def _added(charge: Charge, usage: UsageToRate) -> list[RatedLine]:
    """What the quantity adds: the rating of all of it less the rating of the earlier part.

    Everything is cumulative over the period, so free units, started packages, flat amounts, a
    minimum and a maximum count once however often the period is rated, and the parts always add
    up to the whole. With volume the earlier units are priced anew, which may give money back.
    Events of the earlier part stand in both ratings as one and cancel out.
    """
    before, after = usage.already_rated, usage.already_rated + usage.quantity
    if usage.events is None:
        return _difference(_once(charge, Units(after)), _once(charge, Units(before)))
    earlier = (before,)
    return _difference(
        _once(charge, Units(after, earlier + usage.events)), _once(charge, Units(before, earlier))
    )


def _difference(after: list[RatedLine], before: list[RatedLine]) -> list[RatedLine]:
    """Subtract line by line; what only the earlier rating had is taken back first."""
    earlier = {line.key: line for line in before}
    kept = [_less(line, earlier.pop(line.key, None)) for line in after]
    gone = [
        replace(line, quantity=-line.quantity, amount=-line.amount) for line in earlier.values()
    ]
    return [line for line in gone + kept if line.amount or line.quantity]


def _less(line: RatedLine, earlier: RatedLine | None) -> RatedLine:
    if earlier is None:
        return line
    quantity, amount = line.quantity - earlier.quantity, line.amount - earlier.amount
    return replace(line, quantity=quantity or (ONE if amount else ZERO), amount=amount)


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
