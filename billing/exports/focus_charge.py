"""What kind of charge a line is in FOCUS's terms, and its price so that quantity × price = cost."""

from dataclasses import dataclass
from decimal import Decimal

from billing.exports.focus_units import focus_unit
from billing.models import InvoiceLine
from billing.rating.money import EXACT, ONE, ZERO

Kind = InvoiceLine.Kind
USAGE, PURCHASE, TAX, CREDIT, ADJUSTMENT = "Usage", "Purchase", "Tax", "Credit", "Adjustment"
STANDARD, COMMITTED = "Standard", "Committed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """A quantity at a unit price that is not below 0; none where an amount belongs to neither."""

    quantity: Decimal | None = None
    unit: str | None = None
    unit_price: Decimal | None = None


_NO_PRICE = Price()


@dataclass(frozen=True, slots=True, kw_only=True)
class FocusCharge:
    """Category, frequency and cost of a line; `unused` is what is owed of a commitment beyond use.

    `cost` is exact: what rounding each line makes of it stands in a row of its own.
    """

    category: str
    frequency: str
    cost: Decimal
    price: Price = _NO_PRICE
    unused: bool = False

    @property
    def pricing(self) -> str | None:
        if self.price.quantity is None:
            return None
        return COMMITTED if self.unused else STANDARD


def focus_charge(line: InvoiceLine) -> FocusCharge:
    """The charge that a line is."""
    category, unused = _category(line)
    frequency = {USAGE: "Usage-Based", PURCHASE: "Recurring"}.get(category, "One-Time")
    if category in {CREDIT, ADJUSTMENT}:
        return FocusCharge(category=category, frequency=frequency, cost=line.exact_amount)
    cost, price = _priced(line)
    return FocusCharge(
        category=category, frequency=frequency, cost=cost, price=price, unused=unused
    )


def _category(line: InvoiceLine) -> tuple[str, bool]:
    match line.kind:
        case Kind.FEE:
            return PURCHASE, False
        case Kind.COUPON:
            return CREDIT, False
        case Kind.COMMITMENT:
            return USAGE, True
    if line.key.endswith("true-up"):
        return USAGE, True
    if line.unit_amount is not None or line.key.endswith("-flat"):
        return USAGE, False
    return (CREDIT if line.key.endswith("discount") else ADJUSTMENT), False


def _priced(line: InvoiceLine) -> tuple[Decimal, Price]:
    """A price may not be below 0, so what is given back is a quantity below 0."""
    cost = line.exact_amount
    if line.unit_amount is None or line.unit_amount < ZERO:
        sign = ONE.copy_sign(cost)
        unit = focus_unit(line.invoice.currency if line.kind == Kind.COMMITMENT else "")
        return cost, Price(quantity=sign, unit=unit, unit_price=cost.copy_abs())
    product = EXACT.multiply(line.quantity, line.unit_amount)
    if line.corrects_id and product != cost:
        # The quantity came at several prices: those of what was billed and of what is due.
        return cost, _NO_PRICE
    price = Price(quantity=line.quantity, unit=focus_unit(line.unit), unit_price=line.unit_amount)
    return product, price
