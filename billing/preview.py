"""What closing a month at this moment would give. Nothing of it is stored."""

from dataclasses import dataclass

from django.utils import timezone

from billing.invoice_rows import unsaved_draft
from billing.invoicing import preview_bill
from billing.models import Invoice, InvoiceLine
from billing.parties import local_date
from metering.models import Tenant


@dataclass(frozen=True, slots=True)
class Preview:
    """An invoice and its lines; unsaved ones while the month is not finalized."""

    invoice: Invoice
    lines: list[InvoiceLine]


def preview(tenant: Tenant, month: str) -> Preview:
    """The month's bill as of now; its invoice if it is finalized. Raises NothingToInvoiceError."""
    current = Invoice.objects.filter(tenant=tenant, month=f"{month}-01", reason="month")
    invoice = current.exclude(status__in=[Invoice.Status.VOID, Invoice.Status.DRAFT]).first()
    if invoice is not None:
        lines = invoice.lines.select_related("corrects").order_by("position")
        return Preview(invoice, list(lines))
    return Preview(*unsaved_draft(tenant, preview_bill(tenant, month)))


def running_month(tenant: Tenant) -> str:
    """The month on the tenant's calendar."""
    return f"{local_date(timezone.now(), tenant.timezone):%Y-%m}"
