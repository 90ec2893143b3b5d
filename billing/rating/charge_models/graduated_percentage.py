"""Each part of a base amount is charged the percentage of the tier it falls in."""

from dataclasses import dataclass

from billing.rating.charge_models.graduated import Graduated
from billing.rating.fields import Fields
from billing.rating.tiers import parse_tiers


@dataclass(frozen=True, slots=True)
class GraduatedPercentage(Graduated):
    """Graduated, where a unit of the base costs the hundredth part of the tier's percentage."""

    @classmethod
    def parse(cls, fields: Fields) -> "GraduatedPercentage":
        return cls(parse_tiers(fields, percent=True), fields.flag("charge_zero_usage"))
