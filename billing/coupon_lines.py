"""Lines of coupons: what is taken off a month's usage, fees and true-up, before tax."""

from collections.abc import Iterator, Sequence
from decimal import Decimal

from billing.coupon_terms import CouponTerms
from billing.pricing import Kind, PricedLine, titled
from billing.rating.coupon import Coupon, Reduction, reductions
from billing.rating.money import EXACT, ONE, ZERO, plain
from billing.terms import Terms


def coupon_lines(terms: Terms, lines: Sequence[PricedLine]) -> list[PricedLine]:
    """One for each coupon that takes something off."""
    amounts: dict[str, Decimal] = {}
    for line in lines:
        amounts[line.code] = EXACT.add(amounts.get(line.code, ZERO), line.amount)
    coupons = [item for item in terms.coupons if not _foreign(item, terms)]
    rated = [
        Coupon(percent=item.percent, amount=item.amount, codes=tuple(item.charges))
        for item in coupons
    ]
    found = zip(coupons, reductions(amounts, rated, terms.currency), strict=True)
    return [_line(item, taken, terms) for item, taken in found if taken.amount]


def coupon_problems(terms: Terms) -> Iterator[str]:
    """Why coupons cannot be taken off: the tenant has another currency since they were given."""
    for item in terms.coupons:
        if _foreign(item, terms):
            yield f"coupon {item.code} is in {item.currency}, not {terms.currency}"


def _foreign(item: CouponTerms, terms: Terms) -> bool:
    return item.amount is not None and item.currency != terms.currency


def _line(item: CouponTerms, taken: Reduction, terms: Terms) -> PricedLine:
    of = (
        f"{plain(item.percent)} % off"
        if item.percent is not None
        else f"{plain(item.amount or ZERO)} {item.currency} off"
    )
    limited = f" {', '.join(item.charges)}" if item.charges else ""
    return PricedLine(
        kind=Kind.COUPON,
        code=item.code,
        group=(),
        start=terms.start,
        key="coupon",
        end=terms.end,
        description=f"Coupon · {item.description or titled(item.code)} · {of}{limited}",
        quantity=ONE,
        unit="",
        unit_amount=None,
        exact_amount=EXACT.minus(taken.exact),
        amount=EXACT.minus(taken.amount),
    )
