"""What tops a month up to a plan's minimum commitment.

Usage and fees of the month count towards it, whichever invoice bills them, before any coupon.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal

from billing.fee_lines import owed_amounts, stretches_of
from billing.fee_terms import FeeTerms
from billing.plan_terms import PlanTerms
from billing.pricing import Kind, PricedLine
from billing.rating.money import EXACT, ONE, ZERO, fits, plain, round_money
from billing.rating.proration import DAY, split_amount
from billing.terms import Terms

CODE = "minimum-commitment"


def commitment_lines(terms: Terms, usage: Sequence[PricedLine]) -> list[PricedLine]:
    """A true-up for each plan that came to less than was committed to."""
    lines = []
    for code in dict.fromkeys(plan.plan for plan in terms.plans):
        parts = [plan for plan in terms.plans if plan.plan == code]
        committed = [p for p in parts if p.minimum_commitment and p.currency == terms.currency]
        if committed:
            target = _sum(_target(plan, terms) for plan in committed)
            spent = EXACT.add(_used(usage, committed), _fees(terms, committed))
            if target > spent:
                lines.append(_true_up(committed, target, EXACT.subtract(target, spent)))
    return lines


def _target(plan: PlanTerms, terms: Terms) -> Decimal:
    """The part of the commitment that is owed for the days on the plan."""
    amount = plan.minimum_commitment or ZERO
    cuts = sorted({terms.start, plan.start, plan.end, terms.end})
    # A plan in a currency with fewer decimals was refused when it was applied.
    whole = amount if fits(amount, terms.currency) else round_money(amount, terms.currency)
    parts = split_amount(whole, cuts, by=DAY, zone=terms.timezone, currency=terms.currency)
    return parts[cuts.index(plan.start)]


def _used(usage: Iterable[PricedLine], committed: Sequence[PlanTerms]) -> Decimal:
    return _sum(
        line.amount for line in usage if any(line.start in plan.period for plan in committed)
    )


def _fees(terms: Terms, committed: Sequence[PlanTerms]) -> Decimal:
    """What of the plan's fees belongs to the days that are committed to."""
    return _sum(
        _within(item, amount, plan, terms)
        for stretches in stretches_of(terms.fees)
        if stretches[0].plan == committed[0].plan and stretches[0].currency == terms.currency
        for item, amount in zip(stretches, owed_amounts(stretches, terms.timezone), strict=True)
        for plan in committed
    )


def _within(item: FeeTerms, amount: Decimal, plan: PlanTerms, terms: Terms) -> Decimal:
    """The share of a stretch, in days, that a part of the month has."""
    start, end = max(item.start, plan.start), min(item.end, plan.end)
    if start >= end or not amount:
        return ZERO
    cuts = sorted({item.start, start, end, item.end})
    parts = split_amount(amount, cuts, by=DAY, zone=terms.timezone, currency=terms.currency)
    return parts[cuts.index(start)]


def _true_up(committed: Sequence[PlanTerms], target: Decimal, amount: Decimal) -> PricedLine:
    plan = committed[0]
    return PricedLine(
        kind=Kind.COMMITMENT,
        code=CODE,
        group=(("plan", plan.plan),),
        start=plan.start,
        key="true-up",
        end=committed[-1].end,
        description=f"Minimum commitment · {plan.plan} · True-up to {plain(target)}",
        quantity=ONE,
        unit="",
        unit_amount=None,
        exact_amount=amount,
        amount=amount,
    )


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    total = ZERO
    for amount in amounts:
        total = EXACT.add(total, amount)
    return total
