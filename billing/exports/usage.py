"""A month's usage by day, agent and model, with what it cost the operator."""

from collections.abc import Iterator

from billing import queries
from billing.exports.csv_writer import Cell
from metering.models import Tenant
from metering.usage.period import month_period

_GROUP = ("day", "agent", "provider", "model")
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
COLUMNS = ("tenant", *_GROUP, *_COUNTS, "cost", "currency")


def rows(tenant: Tenant, month: str) -> Iterator[tuple[Cell, ...]]:
    """The tenant's rows by day; an unknown cost is empty, never 0."""
    for row in queries.usage(tenant, month_period(month, tenant.timezone), _GROUP):
        counts = (getattr(row.usage, name) for name in _COUNTS)
        yield (tenant.slug, *row.usage.group.values(), *counts, row.cost, tenant.currency)
