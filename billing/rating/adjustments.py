"""What is done around a charge model; in which order is said by rate.py alone."""

from dataclasses import dataclass
from decimal import Decimal

from billing.rating.errors import ChargeError
from billing.rating.fields import Fields
from billing.rating.line import RatedLine
from billing.rating.money import ONE, ZERO, plain
from billing.rating.numeric import not_negative

_ROUNDINGS = ("none", "ceiling", "floor", "half_up")


@dataclass(frozen=True, slots=True)
class UnitConversion:
    """The unit that is priced is a multiple of the unit that is measured."""

    divide_by: Decimal
    rounding: str = "none"

    @classmethod
    def parse(cls, value: object, path: str) -> "UnitConversion":
        fields = Fields.of(value, path, ("divide_by", "rounding"))
        rounding = fields.choice("rounding", _ROUNDINGS) if fields.has("rounding") else "none"
        return cls(fields.positive("divide_by"), rounding)

    def convert(self, quantity: Decimal) -> Decimal:
        if self.rounding == "none":
            return quantity / self.divide_by
        # A remainder is exact where a quotient such as a third is not.
        whole, rest = divmod(quantity, self.divide_by)
        up = {"floor": False, "ceiling": rest > ZERO, "half_up": 2 * rest >= self.divide_by}
        return whole + ONE if up[self.rounding] else whole


@dataclass(frozen=True, slots=True)
class Commitment:
    """An amount agreed on beforehand: what exceeds it is scaled, what falls short is topped up."""

    amount: Decimal
    overage_factor: Decimal = ONE
    true_up: bool = False

    @classmethod
    def parse(cls, value: object, path: str) -> "Commitment":
        fields = Fields.of(value, path, ("amount", "overage_factor", "true_up"))
        factor = fields.amount_or("overage_factor", ONE)
        return cls(fields.amount("amount"), factor, fields.flag("true_up"))

    def lines(self, so_far: Decimal) -> list[RatedLine]:
        over = so_far - self.amount
        of = f"the commitment of {plain(self.amount)}"
        if over < ZERO:
            return _line("true-up", f"True-up to {of}", -over) if self.true_up else []
        name = f"Overage beyond {of} at {plain(self.overage_factor)} times the price"
        return _line("overage", name, over * (self.overage_factor - ONE))


@dataclass(frozen=True, slots=True)
class Discount:
    """A percentage taken off."""

    percent: Decimal

    @classmethod
    def parse(cls, value: object, path: str) -> "Discount":
        percent = not_negative(value, path)
        if percent > 100:
            raise ChargeError(path, "must not be above 100")
        return cls(percent)

    def lines(self, so_far: Decimal) -> list[RatedLine]:
        name = f"Discount of {plain(self.percent)} %"
        return _line("discount", name, -so_far * self.percent.scaleb(-2))


@dataclass(frozen=True, slots=True)
class Maximum:
    """The most that is charged."""

    amount: Decimal

    @classmethod
    def parse(cls, value: object, path: str) -> "Maximum":
        return cls(not_negative(value, path))

    def lines(self, so_far: Decimal) -> list[RatedLine]:
        name = f"Cut to the maximum of {plain(self.amount)}"
        return _line("maximum", name, min(ZERO, self.amount - so_far))


@dataclass(frozen=True, slots=True)
class Minimum:
    """The least that is charged, with or without usage."""

    amount: Decimal

    @classmethod
    def parse(cls, value: object, path: str) -> "Minimum":
        return cls(not_negative(value, path))

    def lines(self, so_far: Decimal) -> list[RatedLine]:
        name = f"Raised to the minimum of {plain(self.amount)}"
        return _line("minimum", name, max(ZERO, self.amount - so_far))


def _line(key: str, name: str, amount: Decimal) -> list[RatedLine]:
    return [RatedLine(key, name, ONE, None, amount)] if amount else []
