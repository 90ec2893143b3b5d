"""A month's invoices with their lines, read from the database as they are wanted."""

from collections.abc import Iterator
from itertools import groupby
from operator import attrgetter

from django.db.models import QuerySet

from billing.models import Invoice, InvoiceLine
from metering.models import Tenant

CHUNK = 1_000
# Of an invoice as long as its month's prices, and no line needs it.
_NOT_NEEDED = ("snapshot", "unpriced", "not_charged")


def month_lines(tenant: Tenant, month: str) -> "QuerySet[InvoiceLine]":
    """The lines of all that is not void, in the order of the invoices."""
    joined = ("invoice", "corrects")
    return (
        InvoiceLine.objects.filter(invoice__tenant=tenant, invoice__month=f"{month}-01")
        .exclude(invoice__status=Invoice.Status.VOID)
        .select_related(*joined)
        .defer(*(f"{model}__{name}" for model in joined for name in _NOT_NEEDED))
        .order_by("invoice__reason", "invoice_id", "position")
    )


def invoices_with_lines(
    tenant: Tenant, month: str
) -> Iterator[tuple[Invoice, Iterator[InvoiceLine]]]:
    """Each invoice once, with the lines that were read together with it.

    One query, so a draft that is computed anew meanwhile is read as it was or as it is, whole.
    """
    lines = month_lines(tenant, month).iterator(chunk_size=CHUNK)
    yield from groupby(lines, key=attrgetter("invoice"))
