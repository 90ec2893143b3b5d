"""From usage to invoices: drafting, finalizing and closing a month. Every step may run twice.

All reading of usage happens before a transaction; within it the tenant's row is locked, so that
two workers wait for each other and the second finds the work done.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from billing.bill import Bill, BillLine, compute_bill
from billing.burst_balances import KeptBalances
from billing.corrections import to_correct
from billing.models import Invoice, InvoiceLine, InvoiceSeries
from billing.parties import read_parties
from billing.terms import Terms, finalized_invoices, read_terms
from metering import queries
from metering.models import Tenant

# The code of a series; a series counts the invoices of one year's months without a gap.
_SERIES = {Invoice.Kind.INVOICE: "INV", Invoice.Kind.CREDIT_NOTE: "CN"}


class NothingToInvoiceError(Exception):
    """Why a tenant gets no invoice for a month, in one sentence."""


class NotFinalizableError(Exception):
    """Why an invoice has to stay a draft, in one sentence."""


@dataclass(frozen=True, slots=True)
class Closed:
    """What closing a month did for a tenant; `problem` says why there is no more than that."""

    tenant: Tenant
    invoice: Invoice | None
    problem: str = ""


def draft_invoice(tenant: Tenant, month: str) -> Invoice:
    """The month's invoice: computed anew while it is a draft, as it is once it is finalized."""
    terms = read_terms(tenant, month)
    if (existing := _current(tenant, month)) and existing.status != Invoice.Status.DRAFT:
        return existing
    if timezone.now() < terms.start:
        raise NothingToInvoiceError(f"{month} has not begun for {tenant}")
    bill = _bill(tenant, terms)
    with transaction.atomic():
        _lock(tenant)
        invoice = _current(tenant, month) or Invoice(tenant=tenant, month=_first_day(month))
        if invoice.status == Invoice.Status.DRAFT:
            _write(invoice, bill)
    return invoice


def finalize_invoice(invoice: Invoice) -> Invoice:
    """Fix the watermark, compute once more, give the number. Raises NotFinalizableError."""
    tenant = invoice.tenant
    while True:
        history = _history(tenant)
        current = Invoice.objects.get(pk=invoice.pk)
        if current.status != Invoice.Status.DRAFT:
            return current
        terms = read_terms(tenant, f"{current.month:%Y-%m}")
        _check_grace(current, terms)
        bill = _bill(tenant, terms)
        if bill.unpriced:
            raise NotFinalizableError(f"{_label(current)}: {'; '.join(bill.unpriced)}")
        with transaction.atomic():
            _lock(tenant)
            # Corrections depend on what was billed so far: if that has changed, compute again.
            if _history(tenant) == history:
                _write(current, bill)
                _number(current)
                return current


def close_month(month: str, tenants: Iterable[Tenant], *, finalize: bool) -> Iterator[Closed]:
    """Draft, and finalize if asked to, one tenant after the other."""
    for tenant in tenants:
        try:
            invoice = draft_invoice(tenant, month)
        except NothingToInvoiceError as error:
            yield Closed(tenant, None, str(error))
            continue
        problem = ""
        if finalize:
            try:
                invoice = finalize_invoice(invoice)
            except NotFinalizableError as error:
                problem = str(error)
        yield Closed(tenant, invoice, problem)


def _bill(tenant: Tenant, terms: Terms) -> Bill:
    if not terms.plans:
        raise NothingToInvoiceError(
            f"{tenant} has no plan in {terms.month}, so there is nothing to invoice"
        )
    corrected = to_correct(tenant, terms.start)
    return compute_bill(tenant, terms, corrected, queries.store_now(tenant), KeptBalances())


def _check_grace(invoice: Invoice, terms: Terms) -> None:
    ready = terms.end + timedelta(seconds=settings.INVOICE_GRACE_SECONDS)
    if timezone.now() < ready:
        raise NotFinalizableError(
            f"{_label(invoice)}: can be finalized from {ready:%F %H:%M} UTC on"
        )


def _label(invoice: Invoice) -> str:
    return f"{invoice.tenant} {invoice.month:%Y-%m}"


def _first_day(month: str) -> date:
    return date.fromisoformat(f"{month}-01")


def _current(tenant: Tenant, month: str) -> Invoice | None:
    rows = Invoice.objects.filter(tenant=tenant, month=_first_day(month), reason="month")
    return rows.exclude(status=Invoice.Status.VOID).select_related("tenant").first()


def _history(tenant: Tenant) -> list[int]:
    return list(finalized_invoices(tenant).order_by("pk").values_list("pk", flat=True))


def _lock(tenant: Tenant) -> None:
    Tenant.objects.select_for_update().get(pk=tenant.pk)


def _write(invoice: Invoice, bill: Bill) -> None:
    invoice.kind = bill.kind
    invoice.currency = bill.currency
    invoice.period_start, invoice.period_end = bill.terms.start, bill.terms.end
    invoice.tax_percent = bill.terms.tax_percent
    invoice.subtotal, invoice.tax, invoice.total = bill.subtotal, bill.tax, bill.total
    invoice.watermark = bill.watermark
    invoice.snapshot = bill.snapshot
    invoice.parties = read_parties(invoice.tenant).as_json()
    invoice.unpriced, invoice.not_charged = bill.unpriced, bill.not_charged
    invoice.save()
    invoice.lines.all().delete()
    rows = [invoice_line(invoice, n, item) for n, item in enumerate(bill.lines, start=1)]
    InvoiceLine.objects.bulk_create(rows, batch_size=500)


def invoice_line(invoice: Invoice, position: int, item: BillLine) -> InvoiceLine:
    """A line as a row, not yet saved."""
    line = item.line
    return InvoiceLine(
        invoice=invoice,
        position=position,
        kind=line.kind,
        code=line.code,
        key=line.key,
        description=line.description,
        quantity=line.quantity,
        unit=line.unit,
        unit_amount=line.unit_amount,
        exact_amount=line.exact_amount,
        amount=line.amount,
        group=dict(line.group),
        period_start=line.start,
        period_end=line.end,
        corrects=item.corrects,
    )


def _number(invoice: Invoice) -> None:
    """Finalize with the next number: last, so that the series is locked only for a moment.

    The series is that of the billed month's year: INV-2026-000001 is the first invoice for 2026.
    """
    code = f"{_SERIES[Invoice.Kind(invoice.kind)]}-{invoice.month:%Y}"
    InvoiceSeries.objects.get_or_create(code=code)
    series = InvoiceSeries.objects.select_for_update().get(code=code)
    series.last_number += 1
    series.save()
    invoice.number = f"{code}-{series.last_number:06d}"
    invoice.status = Invoice.Status.FINALIZED
    invoice.finalized_at = timezone.now()
    invoice.save()
