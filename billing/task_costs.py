"""What tasks cost the operator: the cost book over each task's calls, chips and tools."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal

from billing.costs import CostBook
from billing.queries import GroupCost
from billing.rating.money import EXACT
from metering import task_queries
from metering.models import Tenant
from metering.usage.ledger import TaskLine
from metering.usage.period import Period

Names = tuple[str, ...]


def task_costs(
    tenant: Tenant, lines: Sequence[TaskLine], period: Period, book: CostBook
) -> dict[str, GroupCost]:
    """The cost of each task's usage in a period; a task that used nothing cost nothing."""
    grouped = grouped_costs(tenant, lines, period, book)
    return {line.task: grouped.get((line.task,), GroupCost()) for line in lines}


def grouped_costs(
    tenant: Tenant,
    lines: Sequence[TaskLine],
    period: Period,
    book: CostBook,
    names: Names = (),
    *,
    units: bool = True,
) -> dict[Names, GroupCost]:
    """Costs by task and `names`; without `units` those of model calls alone."""
    costs: dict[Names, GroupCost] = defaultdict(GroupCost)
    if not lines:
        return costs
    for group, calls in task_queries.task_calls(tenant, lines, period, names, book.thresholds):
        book.add_calls(costs[tuple(group.values())].calls, calls)
    for kind in ("chip", "tool") if units else ():
        for use in task_queries.task_units(tenant, lines, period, kind, names):
            cost = costs[tuple(use.group.values())].units
            book.add_units(cost, kind, use.name, use.day, use.quantity)
    return costs


def total_cost(costs: Iterable[GroupCost]) -> tuple[Decimal | None, list[str]]:
    """The sum, None when something in it has no price, and the names of what has none."""
    total, unpriced = Decimal(0), set[str]()
    for cost in costs:
        unpriced.update(cost.unpriced)
        if cost.total is not None:
            total = EXACT.add(total, cost.total)
    return (None if unpriced else total), sorted(unpriced)
