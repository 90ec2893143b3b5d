"""A month's invoices, drafts among them."""

from collections.abc import Iterator

from billing.exports.csv_writer import Amount, Cell
from billing.models import Invoice
from metering.models import Tenant

COLUMNS = (
    "tenant",
    "tenant_name",
    "month",
    "number",
    "kind",
    "status",
    "currency",
    "period_start",
    "period_end",
    "subtotal",
    "tax_percent",
    "tax",
    "total",
)


def rows(tenant: Tenant, month: str) -> Iterator[tuple[Cell, ...]]:
    """The tenant's invoices by number, a draft last."""
    found = Invoice.objects.filter(tenant=tenant, month=f"{month}-01").defer(
        "snapshot", "unpriced", "not_charged"
    )
    for invoice in sorted(found, key=lambda invoice: (invoice.number is None, invoice.number)):
        yield (
            tenant.slug,
            tenant.name,
            month,
            invoice.number,
            invoice.kind,
            invoice.status,
            invoice.currency,
            invoice.period_start,
            invoice.period_end,
            Amount(invoice.subtotal),
            invoice.tax_percent,
            Amount(invoice.tax),
            Amount(invoice.total),
        )
