"""Bursts of chips, priced by the tenant's contracts and not by the charge."""

from dataclasses import dataclass

from billing.rating.errors import ChargeError
from billing.rating.fields import Fields
from billing.rating.line import RatedLine
from billing.rating.units import Units

PRICED_ELSEWHERE = "burst charges are priced from a tenant's contracts by close_month"


@dataclass(frozen=True, slots=True)
class Burst:
    """Says that the contracts in force are charged; `billing.rating.burst` prices them."""

    @classmethod
    def parse(cls, fields: Fields) -> "Burst":
        for name in ("unit_conversion", "free_units"):
            if fields.has(name):
                raise ChargeError(fields.at(name), "has no meaning for burst contracts")
        return cls()

    def lines(self, units: Units) -> list[RatedLine]:
        raise ChargeError("charge.model", PRICED_ELSEWHERE)
