"""Price tiers: each begins where the one before it ends, so that no gap can be written."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from billing.rating.errors import ChargeError
from billing.rating.fields import Fields
from billing.rating.line import RatedLine
from billing.rating.money import ONE, ZERO, plain


@dataclass(frozen=True, slots=True)
class Tier:
    """Prices of the units above the tier before, up to and including `up_to`."""

    up_to: Decimal | None
    unit_amount: Decimal
    flat_amount: Decimal = ZERO


def parse_tiers(fields: Fields, name: str = "tiers", *, percent: bool = False) -> tuple[Tier, ...]:
    """Read tiers that ascend strictly and end with one without a bound."""
    items = list(fields.items(name))
    if not items:
        raise ChargeError(fields.at(name), "must have at least one tier")
    tiers = [_tier(item, path, percent=percent) for path, item in items]
    last = len(tiers) - 1
    lower = ZERO
    for n, (tier, (path, _)) in enumerate(zip(tiers, items, strict=True)):
        if tier.up_to is None and n < last:
            raise ChargeError(f"{path}.up_to", "is null, so no tier may follow")
        if tier.up_to is not None and n == last:
            raise ChargeError(f"{path}.up_to", "must be null in the last tier")
        if tier.up_to is not None and tier.up_to <= lower:
            raise ChargeError(f"{path}.up_to", f"must be above {plain(lower)}, where it begins")
        lower = tier.up_to or lower
    return tuple(tiers)


def _tier(value: object, path: str, *, percent: bool) -> Tier:
    price = "rate_percent" if percent else "unit_amount"
    fields = Fields.of(value, path, ("up_to", price, "flat_amount"))
    up_to = None if fields.required("up_to") is None else fields.amount("up_to")
    unit_amount = fields.amount(price).scaleb(-2) if percent else fields.amount(price)
    return Tier(up_to, unit_amount, fields.amount_or("flat_amount", ZERO))


def graduated_lines(tiers: Sequence[Tier], quantity: Decimal, prefix: str = "") -> list[RatedLine]:
    """Price each unit in the tier it falls in; a tier's flat amount is due with its first unit."""
    lines: list[RatedLine] = []
    lower = ZERO
    for n, tier in enumerate(tiers, start=1):
        if quantity <= lower:
            break
        upper = quantity if tier.up_to is None else min(quantity, tier.up_to)
        lines += tier_lines(tiers, n, upper - lower, prefix)
        lower = upper
    return lines


def tier_lines(tiers: Sequence[Tier], n: int, units: Decimal, prefix: str = "") -> list[RatedLine]:
    """Price units in the nth tier, counted from 1, and its flat amount if it has one."""
    tier = tiers[n - 1]
    name = f"Tier {n}: {_range(tiers, n)}"
    key = f"{prefix}tier-{n}"
    lines = [RatedLine.priced(key, name, units, tier.unit_amount)] if units else []
    if tier.flat_amount:
        flat = RatedLine.priced(f"{key}-flat", f"{name}, flat amount", ONE, tier.flat_amount)
        lines.append(flat)
    return lines


def _range(tiers: Sequence[Tier], n: int) -> str:
    lower = tiers[n - 2].up_to if n > 1 else None
    upper = tiers[n - 1].up_to
    if upper is None:
        return "any quantity" if lower is None else f"above {plain(lower)}"
    return f"up to {plain(upper)}" if lower is None else f"above {plain(lower)} to {plain(upper)}"
