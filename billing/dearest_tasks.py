"""Tasks by what they cost. Costs are not kept, so all that match are priced for each page."""

from dataclasses import dataclass
from decimal import Decimal

from billing.rating.money import ZERO
from billing.task_costs import task_costs
from billing.terms import cost_book
from metering import task_queries
from metering.models import Tenant
from metering.task_queries import LedgerFilter
from metering.usage.ledger import TaskLine
from metering.usage.period import Period

# Priced in a few seconds.
MOST = 10_000


class TooManyTasks(ValueError):
    """More tasks match than are priced for one answer."""


@dataclass(frozen=True, slots=True)
class Ranked:
    """A task and its cost, by which it is ordered: the dearest first, an unknown cost last."""

    cost: Decimal | None
    task: str

    @property
    def key(self) -> tuple[bool, Decimal, str]:
        return self.cost is None, (self.cost or ZERO).copy_negate(), self.task


def dearest(
    tenant: Tenant,
    period: Period,
    matching: LedgerFilter,
    after: Ranked | None = None,
    least: Decimal | None = None,
) -> list[tuple[Ranked, TaskLine]]:
    """All that match, in order, from the one after `after` on; with `least` those that cost it.

    Raises TooManyTasks.
    """
    lines = task_queries.ledger(tenant, period, matching, limit=MOST + 1)
    if len(lines) > MOST:
        raise TooManyTasks(f"more than {MOST:,} tasks match; ask for a shorter range, or for fewer")
    if not lines:
        return []
    costs = task_costs(tenant, lines, task_queries.span_of(lines), cost_book(tenant.currency))
    ranked = [(Ranked(costs[line.task].total, line.task), line) for line in lines]
    wanted = [
        (rank, line)
        for rank, line in ranked
        if (after is None or rank.key > after.key) and _costs(rank, least)
    ]
    return sorted(wanted, key=lambda pair: pair[0].key)


def _costs(rank: Ranked, least: Decimal | None) -> bool:
    return least is None or (rank.cost is not None and rank.cost >= least)
