"""One explained line of a rating."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal

from billing.rating.money import ONE, ROUNDED, ZERO

# Where a quotient that never ends, such as a third, is cut.
_PLACES = ONE.scaleb(-60, ROUNDED)


@dataclass(frozen=True, slots=True)
class RatedLine:
    """A part of an amount and the reason for it: exact, not yet rounded to a currency.

    `amount` is `quantity` × `unit_amount` wherever there is a unit amount. The key is unique
    within a rating and the same whenever the same charge is rated again.
    """

    key: str
    description: str
    quantity: Decimal
    unit_amount: Decimal | None
    amount: Decimal

    @classmethod
    def priced(
        cls, key: str, description: str, quantity: Decimal, unit_amount: Decimal
    ) -> "RatedLine":
        """Charge a quantity at a unit amount."""
        return cls(key, description, quantity, unit_amount, quantity * unit_amount)


def total(lines: Iterable[RatedLine]) -> Decimal:
    """Add the lines up."""
    return sum((line.amount for line in lines), ZERO)


def difference(after: list[RatedLine], before: list[RatedLine]) -> list[RatedLine]:
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


def cut(lines: list[RatedLine]) -> list[RatedLine]:
    """Cut to sixty decimals: the running totals and not the amounts, so that the lines add up."""
    result, running, shown = [], ZERO, ZERO
    for line in lines:
        running += line.amount
        before, shown = shown, running.quantize(_PLACES)
        quantity = line.quantity.quantize(_PLACES)
        result.append(replace(line, quantity=quantity, amount=shown - before))
    return result
