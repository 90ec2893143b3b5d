"""A month's invoices with their lines, read from the database as they are wanted."""

from collections.abc import Iterator
from itertools import groupby
from operator import attrgetter

from django.db.models import QuerySet

from billing.models import Invoice, InvoiceLine
from metering.models import Tenant

CHUNK = 1_000
# Of an invoice as long as its month's prices, and no line needs it.
NOT_NEEDED = ("snapshot", "unpriced", "not_charged")


def month_lines(tenant: Tenant, month: str) -> "QuerySet[InvoiceLine]":
    """The lines of all that is not void, in the order of the invoices."""
    return _lines(tenant, month).exclude(invoice__status=Invoice.Status.VOID)


def booked_lines(tenant: Tenant, month: str) -> "QuerySet[InvoiceLine]":
    """The lines of all that was ever finalized: a void one was a document until it was void."""
    return _lines(tenant, month).exclude(invoice__status=Invoice.Status.DRAFT)


def _lines(tenant: Tenant, month: str) -> "QuerySet[InvoiceLine]":
    joined = ("invoice", "corrects")
    return (
        InvoiceLine.objects.filter(invoice__tenant=tenant, invoice__month=f"{month}-01")
        .select_related(*joined)
        .defer(*(f"{model}__{name}" for model in joined for name in NOT_NEEDED))
        .order_by("invoice__reason", "invoice_id", "position")
    )


def by_invoice(
    lines: "QuerySet[InvoiceLine]",
) -> Iterator[tuple[Invoice, Iterator[InvoiceLine]]]:
    """Each invoice once, with the lines that were read together with it.

    One query, so a draft that is computed anew meanwhile is read as it was or as it is, whole.
    """
    yield from groupby(lines.iterator(chunk_size=CHUNK), key=attrgetter("invoice"))
