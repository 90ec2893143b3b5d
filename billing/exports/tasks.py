"""A month's tasks: one line for each that did anything in it, with what that cost and brought in.

Quantities and money are of the month's events alone, so the file adds up to the month's usage; a
task that runs over the end of a month has a line in both. Outcome and agent are those it has now.
"""

import json
from collections.abc import Iterator

from billing.exports.csv_writer import Cell
from billing.ledger import LedgerRow, rows_within
from billing.task_prices import TaskPricer
from metering.models import Tenant
from metering.rollups import roll_up
from metering.task_queries import all_lines
from metering.usage.period import month_period

# Priced together; as many lines are in memory at a time.
BATCH = 1_000

_LINE = ("task", "agent", "session", "status", "time", "started_at", "ended_at")
_COUNTS = (
    "requests",
    "input_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "cache_write_long_tokens",
    "output_tokens",
    "reasoning_tokens",
    "cache_lookups",
    "cache_hits",
    "saved_tokens",
    "chip_seconds_active",
    "chip_seconds_idle",
    "chip_seconds_cold_start",
    "tool_calls",
    "tool_errors",
)
COLUMNS = (
    "tenant",
    "month",
    *_LINE,
    "parent_task",
    "labels",
    "models",
    *_COUNTS,
    "cost",
    "price",
    "margin",
    "currency",
    "unknown",
)


def rows(tenant: Tenant, month: str) -> Iterator[tuple[Cell, ...]]:
    """The tenant's lines by the time of their outcome; an unknown amount is empty, never 0.

    The ledger is brought up to date first, so the file has all that was received until now.
    """
    roll_up([tenant])
    period, pricer = month_period(month, tenant.timezone), TaskPricer(tenant)
    for lines in all_lines(tenant, period, BATCH):
        for row in rows_within(pricer, lines, period) if lines else ():
            yield _cells(row, tenant, month)


def _cells(row: LedgerRow, tenant: Tenant, month: str) -> tuple[Cell, ...]:
    line, money = row.line, row.money
    labels = json.dumps(dict(line.labels), sort_keys=True, ensure_ascii=False)
    return (
        tenant.slug,
        month,
        *(getattr(line, name) for name in _LINE),
        line.parent_task or None,
        labels if line.labels else None,
        " ".join(line.models) or None,
        *(getattr(line.use, name) for name in _COUNTS),
        money.cost,
        money.price,
        money.margin,
        tenant.currency,
        "; ".join([*money.unpriced, *money.price_unknown]) or None,
    )
