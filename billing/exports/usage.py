"""A month's usage by day, agent and model, with what it cost the operator; straight from events."""

from collections.abc import Iterator
from decimal import Decimal

from billing.costs import CostBook
from billing.exports.csv_writer import Cell
from billing.queries import GroupCost
from billing.terms import cost_book
from metering.models import Tenant
from metering.usage.period import month_period
from metering.usage_stream import GROUP, GroupUsage, usage_by_group

_COUNTS = (
    "requests",
    "input_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "output_tokens",
    "reasoning_tokens",
    "tasks",
    "succeeded_tasks",
    "tool_calls",
    "chip_seconds",
)
COLUMNS = ("tenant", *GROUP, *_COUNTS, "cost", "currency")


def rows(tenant: Tenant, month: str) -> Iterator[tuple[Cell, ...]]:
    """The tenant's rows by day; an unknown cost is empty, never 0."""
    book = cost_book(tenant.currency)
    period = month_period(month, tenant.timezone)
    for found in usage_by_group(tenant, period, book.thresholds):
        counts = (getattr(found.row, name) for name in _COUNTS)
        cost = _cost(book, found)
        yield (tenant.slug, *found.row.group.values(), *counts, cost, tenant.currency)


def _cost(book: CostBook, found: GroupUsage) -> Decimal | None:
    cost = GroupCost()
    for calls in found.calls:
        book.add_calls(cost.calls, calls)
    for kind, use in found.units:
        book.add_units(cost.units, kind, use.name, use.day, use.quantity)
    return cost.total
