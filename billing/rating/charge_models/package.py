"""Units are sold in packages, and a started package is whole."""

from dataclasses import dataclass
from decimal import Decimal

from billing.rating.fields import Fields
from billing.rating.line import RatedLine
from billing.rating.money import ONE, plain
from billing.rating.units import Units


@dataclass(frozen=True, slots=True)
class Package:
    """As many packages as hold the quantity, each at `package_amount`."""

    package_size: Decimal
    package_amount: Decimal

    @classmethod
    def parse(cls, fields: Fields) -> "Package":
        return cls(fields.positive("package_size"), fields.amount("package_amount"))

    def lines(self, units: Units) -> list[RatedLine]:
        if not units.quantity:
            return []
        full, rest = divmod(units.quantity, self.package_size)
        packages = full + ONE if rest else full
        name = f"Packages of {plain(self.package_size)}"
        return [RatedLine.priced("package", name, packages, self.package_amount)]
