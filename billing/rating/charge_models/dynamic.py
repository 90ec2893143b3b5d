"""The event carries its own amount."""

from dataclasses import dataclass

from billing.rating.fields import Fields
from billing.rating.line import RatedLine
from billing.rating.money import ONE, ZERO
from billing.rating.units import Units


@dataclass(frozen=True, slots=True)
class Dynamic:
    """The sum of the events' own amounts; without single events the quantity is that sum.

    With them the quantity may count something else, such as calls.
    """

    @classmethod
    def parse(cls, fields: Fields) -> "Dynamic":
        return cls()

    def lines(self, units: Units) -> list[RatedLine]:
        amount = units.quantity if units.events is None else sum(units.events, ZERO)
        if not amount:
            return []
        return [RatedLine.priced("dynamic", "Amounts carried by the events", amount, ONE)]
