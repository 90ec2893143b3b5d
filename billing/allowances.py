"""Units that are free each month and shared by charges, and what is left of them."""

from decimal import Decimal

from billing.plan_parts import NONE
from billing.plan_terms import AllowanceTerms, PlanTerms
from billing.rating.line import RatedLine
from billing.rating.money import EXACT, ZERO, plain
from billing.rating.proration import DAY, split_units
from billing.terms import Terms

Key = tuple[object, ...]


class Allowances:
    """The free units of one month, used up in the order of the plan's charges and their groups."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._used: dict[Key, Decimal] = {}

    def take(
        self, plan: PlanTerms, code: str, quantity: Decimal
    ) -> tuple[Decimal, list[RatedLine]]:
        """What of a quantity is left to be charged, and the line that shows what was free."""
        for allowance in plan.allowances:
            if code in allowance.charges:
                key, units = self._of(plan, allowance)
                used = self._used.get(key, ZERO)
                free = min(quantity, max(ZERO, EXACT.subtract(units, used)))
                if free:
                    self._used[key] = EXACT.add(used, free)
                    return EXACT.subtract(quantity, free), [_line(allowance, free)]
        return quantity, []

    def _of(self, plan: PlanTerms, allowance: AllowanceTerms) -> tuple[Key, Decimal]:
        """A whole month's units serve all versions of a plan; prorated ones serve one version."""
        if allowance.prorate == NONE:
            return (plan.plan, allowance.code), allowance.units
        cuts = sorted({self._terms.start, plan.start, plan.end, self._terms.end})
        parts = split_units(allowance.units, cuts, by=DAY, zone=self._terms.timezone)
        return (plan.plan, allowance.code, plan.start), parts[cuts.index(plan.start)]


def _line(allowance: AllowanceTerms, free: Decimal) -> RatedLine:
    name = f"Included in {allowance.code.replace('-', ' ')} of {plain(allowance.units)}"
    return RatedLine(f"allowance-{allowance.code}", name, free, ZERO, ZERO)
