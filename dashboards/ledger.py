"""What a tenant's agents did and cost, by day and agent: read once, added up in any direction."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

from billing.costs import CostBook
from billing.queries import EfficiencyRow, GroupCost, SpendDay, token_sums
from billing.rating.money import EXACT
from billing.terms import cost_book
from dashboards.ranges import DateRange
from metering import queries
from metering.models import Tenant
from metering.usage.efficiency import TokenSums

_GROUP = ("day", "agent")
_CAUSES = ("useful", "repeated", "failed", "retried")
_UNITS = ("chips", "tools")


@dataclass(slots=True)
class Work:
    """What was done, and its cost by cause."""

    sums: TokenSums = field(default_factory=TokenSums)
    cost: GroupCost = field(default_factory=GroupCost)
    tasks: int = 0
    succeeded: int = 0

    def add(self, other: "Work") -> None:
        """Take in what was done apart from this."""
        self.sums += other.sums
        self.tasks += other.tasks
        self.succeeded += other.succeeded
        _add_cost(self.cost, other.cost)


@dataclass(frozen=True, slots=True)
class Ledger:
    """Work of each agent on each local day."""

    cells: dict[tuple[date, str], Work]

    def total(self, dates: DateRange) -> Work:
        """All agents over the range."""
        return _union(work for (day, _), work in self.cells.items() if day in dates)

    def by_day(self, dates: DateRange) -> dict[date, Work]:
        """Every day of the range, those without work included."""
        found = {day: Work() for day in dates.dates}
        for (day, _), work in self.cells.items():
            if day in found:
                found[day].add(work)
        return found

    def by_agent(self, dates: DateRange) -> dict[str, Work]:
        """The agents that did anything in the range."""
        found: dict[str, Work] = defaultdict(Work)
        for (day, agent), work in self.cells.items():
            if day in dates:
                found[agent].add(work)
        return found


def read_ledger(tenant: Tenant, dates: DateRange) -> Ledger:
    """One query each for model calls, chips, tools and usage, whatever the number of agents."""
    cells: dict[tuple[date, str], Work] = defaultdict(Work)
    book = cost_book(tenant.currency)
    for group, calls in queries.priced_calls(tenant, dates.period, _GROUP, book.thresholds):
        work = cells[_cell(group)]
        work.sums += token_sums(calls)
        book.add_calls(work.cost.calls, calls)
    _add_units(cells, tenant, dates, book)
    for row in queries.usage(tenant, dates.period, _GROUP):
        work = cells[_cell(row.group)]
        work.tasks, work.succeeded = row.tasks, row.succeeded_tasks
    return Ledger(cells)


def efficiency_row(work: Work, **group: str) -> EfficiencyRow:
    """The work with its quotients, as they are defined everywhere."""
    return EfficiencyRow(group, work.sums, work.cost, work.succeeded)


def spend_day(day: date, work: Work) -> SpendDay:
    """A day as the chart of spend wants it."""
    calls, units = work.cost.calls, work.cost.units
    return SpendDay(
        date=day,
        useful=calls.useful,
        repeated=calls.repeated,
        failed=calls.failed,
        retried=calls.retried,
        chips=units.chips,
        tools=units.tools,
        unpriced=work.cost.unpriced,
    )


def _add_units(
    cells: dict[tuple[date, str], Work], tenant: Tenant, dates: DateRange, book: CostBook
) -> None:
    for kind in ("chip", "tool"):
        for use in queries.daily_use(tenant, dates.period, kind, _GROUP):
            cost = cells[_cell(use.group)].cost.units
            book.add_units(cost, kind, use.name, use.day, use.quantity)


def _cell(group: dict[str, str]) -> tuple[date, str]:
    return date.fromisoformat(group["day"]), group["agent"]


def _union(works: Iterator[Work]) -> Work:
    total = Work()
    for work in works:
        total.add(work)
    return total


def _add_cost(cost: GroupCost, other: GroupCost) -> None:
    for name in _CAUSES:
        cost.calls.add(name, getattr(other.calls, name))
    for name in _UNITS:
        cost.units.add(name, getattr(other.units, name))
    if cost.calls.saving is not None:
        saving = other.calls.saving
        cost.calls.saving = None if saving is None else EXACT.add(cost.calls.saving, saving)
    cost.calls.unpriced |= other.calls.unpriced
    cost.units.unpriced |= other.units.unpriced
