"""Every line of a month's invoices. Nothing in it depends on when it was computed."""

import json
from collections.abc import Iterator

from billing.exports.csv_writer import Amount, Cell
from billing.exports.invoice_rows import CHUNK, month_lines
from metering.models import Tenant

COLUMNS = (
    "tenant",
    "month",
    "invoice",
    "position",
    "code",
    "description",
    "quantity",
    "unit",
    "unit_amount",
    "exact_amount",
    "amount",
    "currency",
    "group",
    "period_start",
    "period_end",
    "correction",
    "kind",
)


def rows(tenant: Tenant, month: str) -> Iterator[tuple[Cell, ...]]:
    """The tenant's lines, in the order of the invoice."""
    for line in month_lines(tenant, month).iterator(chunk_size=CHUNK):
        yield (
            tenant.slug,
            month,
            line.invoice.number,
            line.position,
            line.code,
            line.description,
            line.quantity,
            line.unit or None,
            line.unit_amount,
            line.exact_amount,
            Amount(line.amount),
            line.invoice.currency,
            json.dumps(line.group, sort_keys=True, ensure_ascii=False) if line.group else None,
            line.period_start,
            line.period_end,
            line.correction,
            line.kind,
        )
