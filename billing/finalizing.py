"""The one place where invoices become finalized: numbered, and from then on never changed.

Runs inside the transaction that wrote them, with their tenants locked. What else belongs to that
moment is called from here, so that it happens with it or not at all.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from django.utils import timezone

from billing.models import Invoice, InvoiceSeries
from billing.prepaid.booking import draw_credits
from billing.stripe_sync import outbox
from metering import audit
from metering.bulk_rows import update_rows

# The code of a series; a series counts the invoices of one year's months without a gap.
_SERIES = {Invoice.Kind.INVOICE: "INV", Invoice.Kind.CREDIT_NOTE: "CN"}
# What changes at that moment; the database refuses to change any of it later.
_COLUMNS = ("number", "status", "finalized_at", "credits_applied")


def finalize_written(invoices: Sequence[Invoice]) -> None:
    """Number and freeze drafts of different tenants whose lines are written."""
    # Here comes what still changes columns of the invoices.
    draw_credits(invoices)
    _number(invoices)
    now = timezone.now()
    for invoice in invoices:
        invoice.status, invoice.finalized_at = Invoice.Status.FINALIZED, now
    update_rows(invoices, _COLUMNS)
    # Here comes what follows from the invoices as they are now.
    outbox.queue(invoices)
    audit.record_all(map(_act, invoices))


def _act(invoice: Invoice) -> audit.Act:
    total = f"{invoice.total:f} {invoice.currency}"
    return audit.Act("invoice.finalized", str(invoice), invoice.tenant, {"total": total})


def _number(invoices: Iterable[Invoice]) -> None:
    """Give the next numbers: last, so that a series is locked only for a moment.

    The series is that of the billed month's year: INV-2026-000001 is the first invoice for 2026.
    """
    by_code: dict[str, list[Invoice]] = defaultdict(list)
    for invoice in invoices:
        by_code[f"{_SERIES[Invoice.Kind(invoice.kind)]}-{invoice.month:%Y}"].append(invoice)
    # In one order, so that two workers never hold what the other waits for.
    for code in sorted(by_code):
        InvoiceSeries.objects.get_or_create(code=code)
        series = InvoiceSeries.objects.select_for_update().get(code=code)
        for invoice in by_code[code]:
            series.last_number += 1
            invoice.number = f"{code}-{series.last_number:06d}"
        series.save()
