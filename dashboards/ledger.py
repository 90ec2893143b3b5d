"""What a tenant's agents did and cost, by day and agent: read once, added up in any direction."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from billing.costs import CostBook
from billing.queries import CALL_DIMENSIONS, EfficiencyRow, GroupCost, SpendDay, token_sums
from billing.rating.money import EXACT, ZERO
from billing.terms import cost_book
from dashboards.ranges import DateRange
from metering import queries
from metering.models import Tenant
from metering.queries import Filters
from metering.usage.efficiency import TokenSums
from metering.usage.meter import LABEL

_CAUSES = ("useful", "repeated", "failed", "retried")
_UNITS = ("chips", "tools")


@dataclass(slots=True)
class Work:
    """What was done, and its cost by cause."""

    sums: TokenSums = field(default_factory=TokenSums)
    cost: GroupCost = field(default_factory=GroupCost)
    tasks: int = 0
    succeeded: int = 0
    tool_calls: int = 0
    chip_seconds: Decimal = ZERO

    def add(self, other: "Work") -> None:
        """Take in what was done apart from this."""
        self.sums += other.sums
        self.tasks += other.tasks
        self.succeeded += other.succeeded
        self.tool_calls += other.tool_calls
        self.chip_seconds = EXACT.add(self.chip_seconds, other.chip_seconds)
        _add_cost(self.cost, other.cost)


@dataclass(frozen=True, slots=True)
class Ledger:
    """Work of each agent, or of each value of what else it was read by, on each local day."""

    cells: dict[tuple[date, str], Work]

    def total(self, dates: DateRange) -> Work:
        """All agents over the range."""
        return union(work for (day, _), work in self.cells.items() if day in dates)

    def by_day(self, dates: DateRange) -> dict[date, Work]:
        """Every day of the range, those without work included."""
        found = {day: Work() for day in dates.dates}
        for (day, _), work in self.cells.items():
            if day in found:
                found[day].add(work)
        return found

    def by_value(self, dates: DateRange) -> dict[str, Work]:
        """The agents, or other values, under which anything was done in the range."""
        found: dict[str, Work] = defaultdict(Work)
        for (day, value), work in self.cells.items():
            if day in dates:
                found[value].add(work)
        return found


def read_ledger(
    tenant: Tenant, dates: DateRange, by: str = "agent", filters: Filters = ()
) -> Ledger:
    """One query each for model calls, chips, tools and usage, whatever the number of agents.

    What has no such thing as `by`, as a tool has no model, stands under the empty value.
    """
    cells: dict[tuple[date, str], Work] = defaultdict(Work)
    book = cost_book(tenant.currency)
    period, of_calls = dates.period, by in CALL_DIMENSIONS or by.startswith(LABEL)
    group_by = ("day", by) if of_calls else ("day",)
    found = queries.priced_calls(tenant, period, group_by, book.thresholds, filters=filters)
    for group, calls in found:
        work = cells[_cell(group, by)]
        work.sums += token_sums(calls)
        book.add_calls(work.cost.calls, calls)
    _add_units(cells, tenant, dates, book, by, filters)
    for row in queries.usage(tenant, period, ("day", by), filters):
        work = cells[_cell(row.group, by)]
        work.tasks, work.succeeded = row.tasks, row.succeeded_tasks
        work.tool_calls, work.chip_seconds = row.tool_calls, row.chip_seconds
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
    cells: dict[tuple[date, str], Work],
    tenant: Tenant,
    dates: DateRange,
    book: CostBook,
    by: str,
    filters: Filters,
) -> None:
    for kind in ("chip", "tool"):
        found = queries.daily_use(tenant, dates.period, kind, ("day", by), filters=filters)
        for use in found:
            cost = cells[_cell(use.group, by)].cost.units
            book.add_units(cost, kind, use.name, use.day, use.quantity)


def _cell(group: dict[str, str], by: str) -> tuple[date, str]:
    return date.fromisoformat(group["day"]), group.get(by, "")


def union(works: Iterable[Work]) -> Work:
    """All of what was done apart."""
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
