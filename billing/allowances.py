"""Units that are free each month and shared by charges, and what is left of them."""

from decimal import Decimal

from billing.plan_parts import NONE
from billing.plan_terms import AllowanceTerms, PlanTerms
from billing.rating.line import RatedLine
from billing.rating.money import EXACT, ZERO, plain
from billing.rating.proration import DAY, split_units
from billing.terms import Terms
from metering import queries

Key = tuple[object, ...]
Group = tuple[tuple[str, str], ...]
Included = tuple[list[queries.MeterQuantity], dict[Group, list[RatedLine]]]


class Allowances:
    """The free units of one month, used up in the order of the plan's charges and their groups."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._used: dict[Key, Decimal] = {}

    def take(self, plan: PlanTerms, code: str, quantities: list[queries.MeterQuantity]) -> Included:
        """What of a charge's quantities is left to be charged, and the lines of what is free."""
        allowance = next((item for item in plan.allowances if code in item.charges), None)
        if allowance is None:
            return quantities, {}
        charged, free = list[queries.MeterQuantity](), dict[Group, list[RatedLine]]()
        for item in sorted(quantities, key=lambda item: sorted(item.group)):
            units = self._free(plan, allowance, item.quantity)
            charged.append(item._replace(quantity=EXACT.subtract(item.quantity, units)))
            if units:
                free[tuple(sorted(item.group))] = [_line(allowance, units)]
        return charged, free

    def _free(self, plan: PlanTerms, allowance: AllowanceTerms, quantity: Decimal) -> Decimal:
        key, units = self._of(plan, allowance)
        used = self._used.get(key, ZERO)
        free = min(quantity, max(ZERO, EXACT.subtract(units, used)))
        self._used[key] = EXACT.add(used, free)
        return free

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
