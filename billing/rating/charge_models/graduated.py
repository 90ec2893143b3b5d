"""Each unit costs the price of the tier it falls in."""

from dataclasses import dataclass

from billing.rating.fields import Fields
from billing.rating.line import RatedLine
from billing.rating.money import ZERO
from billing.rating.tiers import Tier, graduated_lines, parse_tiers, tier_lines
from billing.rating.units import Units


@dataclass(frozen=True, slots=True)
class Graduated:
    """Tier after tier is filled; a tier's flat amount falls due with the first unit in it.

    With `charge_zero_usage` the first tier's flat amount is due without any unit too.
    """

    tiers: tuple[Tier, ...]
    charge_zero_usage: bool = False

    @classmethod
    def parse(cls, fields: Fields) -> "Graduated":
        return cls(parse_tiers(fields), fields.flag("charge_zero_usage"))

    def lines(self, units: Units) -> list[RatedLine]:
        if not units.quantity and self.charge_zero_usage:
            return tier_lines(self.tiers, 1, ZERO)
        return graduated_lines(self.tiers, units.quantity)
