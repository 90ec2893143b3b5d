"""Bills as rows of the database, many at a time."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import islice
from typing import Any

from django.db.models import Count

from billing.bill import Bill, BillLine
from billing.models import Invoice, InvoiceLine
from billing.parties import parties_of, read_parties
from metering.bulk_rows import insert_rows
from metering.models import Tenant

LINE_COLUMNS = (
    "position",
    "kind",
    "code",
    "key",
    "description",
    "quantity",
    "unit",
    "unit_amount",
    "exact_amount",
    "amount",
    "group",
    "period_start",
    "period_end",
    "corrects",
)
_INVOICES_AT_ONCE = 500


def write_drafts(bills: Sequence[tuple[Invoice, Bill]]) -> None:
    """Save invoices, new ones or drafts, as their bills say; within a transaction."""
    new: list[Invoice] = []
    known: list[Invoice] = []
    columns: Mapping[str, object] = {}
    parties = parties_of(invoice.tenant for invoice, _ in bills)
    for invoice, bill in bills:
        columns = _columns(bill) | {"parties": parties[invoice.tenant_id].as_json()}
        for name, value in columns.items():
            setattr(invoice, name, value)
        (known if invoice.pk else new).append(invoice)
    Invoice.objects.bulk_create(new)
    if known:
        # One statement for rows that are there already: updating them one by one takes as many.
        Invoice.objects.bulk_create(
            known, update_conflicts=True, unique_fields=["id"], update_fields=list(columns)
        )
        InvoiceLine.objects.filter(invoice__in=[invoice.pk for invoice in known]).delete()
    rows = (
        (invoice.pk, *_line_values(n, item))
        for invoice, bill in bills
        for n, item in enumerate(bill.lines, start=1)
    )
    insert_rows(InvoiceLine, ("invoice", *LINE_COLUMNS), rows)


def unsaved_draft(tenant: Tenant, bill: Bill) -> tuple[Invoice, list[InvoiceLine]]:
    """The rows that `write_drafts` would save."""
    month = date.fromisoformat(f"{bill.terms.month}-01")
    parties = read_parties(tenant).as_json()
    invoice = Invoice(tenant=tenant, month=month, parties=parties, **_columns(bill))
    lines = [invoice_line(invoice, n, item) for n, item in enumerate(bill.lines, start=1)]
    return invoice, lines


def _columns(bill: Bill) -> dict[str, Any]:
    return {
        "kind": bill.kind,
        "currency": bill.currency,
        "period_start": bill.terms.start,
        "period_end": bill.terms.end,
        "tax_percent": bill.terms.tax_percent,
        "subtotal": bill.subtotal,
        "tax": bill.tax,
        "total": bill.total,
        "watermark": bill.watermark,
        "snapshot": bill.snapshot,
        "unpriced": bill.unpriced,
        "not_charged": bill.not_charged,
    }


def invoice_line(invoice: Invoice, position: int, item: BillLine) -> InvoiceLine:
    """A line as a row, not yet saved."""
    values = dict(zip(LINE_COLUMNS, _line_values(position, item), strict=True))
    return InvoiceLine(invoice=invoice, **values | {"corrects": item.corrects})


def _line_values(position: int, item: BillLine) -> tuple[object, ...]:
    """What a line's columns hold, in their order."""
    line = item.line
    return (
        position,
        line.kind.value,
        line.code,
        line.key,
        line.description,
        line.quantity,
        line.unit,
        line.unit_amount,
        line.exact_amount,
        line.amount,
        dict(line.group),
        line.start,
        line.end,
        item.corrects and item.corrects.pk,
    )


def line_counts(invoices: Iterable[Invoice]) -> dict[int, int]:
    """How many lines each invoice has; nothing for one without any."""
    found: dict[int, int] = {}
    waiting = (invoice.pk for invoice in invoices)
    while some := list(islice(waiting, _INVOICES_AT_ONCE)):
        rows = InvoiceLine.objects.filter(invoice__in=some).order_by()
        found |= dict(rows.values_list("invoice").annotate(Count("pk")))
    return found
