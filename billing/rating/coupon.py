"""What coupons take off a bill: in order, each from what those before it have left."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from billing.rating.money import EXACT, ZERO, allocate, round_money


@dataclass(frozen=True, slots=True)
class Coupon:
    """A percentage or a fixed amount, off everything or off what certain codes come to."""

    percent: Decimal | None = None
    amount: Decimal | None = None
    codes: tuple[str, ...] = ()

    def applies_to(self, code: str) -> bool:
        return not self.codes or code in self.codes


@dataclass(frozen=True, slots=True)
class Reduction:
    """What one coupon takes off: before its one rounding, and rounded."""

    exact: Decimal
    amount: Decimal


def reductions(
    amounts: Mapping[str, Decimal], coupons: Sequence[Coupon], currency: str
) -> list[Reduction]:
    """One for each coupon: never below zero, and never more than what the coupon applies to."""
    left = dict(amounts)
    found = []
    for coupon in coupons:
        codes = [code for code in left if coupon.applies_to(code)]
        taken = _reduction(coupon, _sum(left[code] for code in codes), currency)
        for code, part in _shares(left, codes, taken.amount, currency):
            left[code] = EXACT.subtract(left[code], part)
        found.append(taken)
    return found


def _reduction(coupon: Coupon, base: Decimal, currency: str) -> Reduction:
    # What is credited on balance is not made more by a coupon.
    base = max(base, ZERO)
    if coupon.percent is not None:
        exact = EXACT.multiply(base, coupon.percent.scaleb(-2, EXACT))
    else:
        exact = min(base, coupon.amount or ZERO)
    return Reduction(exact, round_money(exact, currency))


def _shares(
    left: Mapping[str, Decimal], codes: Iterable[str], amount: Decimal, currency: str
) -> Iterable[tuple[str, Decimal]]:
    """How much of a reduction is each code's, so that a later coupon finds what is left of it."""
    positive = [code for code in codes if left[code] > ZERO]
    if not positive:
        return []
    parts = allocate(amount, [left[code] for code in positive], currency)
    return zip(positive, parts, strict=True)


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    total = ZERO
    for amount in amounts:
        total = EXACT.add(total, amount)
    return total
