"""Every unit costs the same."""

from dataclasses import dataclass
from decimal import Decimal

from billing.rating.fields import Fields
from billing.rating.line import RatedLine
from billing.rating.units import Units


@dataclass(frozen=True, slots=True)
class PerUnit:
    """`quantity` × `unit_amount`."""

    unit_amount: Decimal

    @classmethod
    def parse(cls, fields: Fields) -> "PerUnit":
        return cls(fields.amount("unit_amount"))

    def lines(self, units: Units) -> list[RatedLine]:
        if not units.quantity:
            return []
        return [RatedLine.priced("units", "Units", units.quantity, self.unit_amount)]
