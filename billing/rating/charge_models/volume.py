"""The whole quantity costs the price of the one tier it falls in."""

from dataclasses import dataclass

from billing.rating.fields import Fields
from billing.rating.line import RatedLine
from billing.rating.tiers import Tier, parse_tiers, tier_lines
from billing.rating.units import Units


@dataclass(frozen=True, slots=True)
class Volume:
    """All units at one tier's price, so that one unit more can make the whole cheaper.

    With `charge_zero_usage` the first tier's flat amount is due without any unit too.
    """

    tiers: tuple[Tier, ...]
    charge_zero_usage: bool = False

    @classmethod
    def parse(cls, fields: Fields) -> "Volume":
        return cls(parse_tiers(fields), fields.flag("charge_zero_usage"))

    def lines(self, units: Units) -> list[RatedLine]:
        if not units.quantity and not self.charge_zero_usage:
            return []
        bounds = (tier.up_to for tier in self.tiers)
        n = next(n for n, up_to in enumerate(bounds, 1) if up_to is None or units.quantity <= up_to)
        return tier_lines(self.tiers, n, units.quantity)
