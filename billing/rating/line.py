"""One explained line of a rating."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from billing.rating.money import ZERO


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
