"""The invoice list as it is written, how an invoice is found, and its lines as CSV."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import QuerySet
from django.utils import timezone

from billing.exports import lines as lines_export
from billing.exports.csv_writer import csv_lines
from billing.models import Invoice
from billing.standing import Standing, invoice_zone, standing
from dashboards import formats

_DRAFT = "draft-"
_NUMBER = lines_export.COLUMNS.index("invoice")
_LOOKS = {"draft": "warn", "finalized": "good", "paid": "good", "uncollectible": "bad"}


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceHead:
    """What the list shows of an invoice, and its page at the top."""

    name: str
    address: str
    kind: str
    month: str
    period: str
    status: str
    look: str
    total: str
    left: str
    issued: str
    due: str
    overdue: bool
    draft: bool
    blocked_by: list[str]


def invoice_list(invoices: QuerySet[Invoice]) -> list[InvoiceHead]:
    """The latest month first."""
    found = invoices.prefetch_related("payments").select_related("tenant")
    return [invoice_head(invoice, standing(invoice)) for invoice in found]


def find_invoice(own: QuerySet[Invoice], number: str) -> Invoice | None:
    """By its number, or a draft, which has none yet, by its month as `draft-2026-10`."""
    if not number.startswith(_DRAFT):
        return own.filter(number=number).first()
    try:
        month = date.fromisoformat(f"{number.removeprefix(_DRAFT)}-01")
    except ValueError:
        return None
    return own.filter(status=Invoice.Status.DRAFT, month=month).first()


def invoice_head(invoice: Invoice, stands: Standing) -> InvoiceHead:
    """Times are on the clock that the invoice was made by."""
    clock = ZoneInfo(invoice_zone(invoice))
    draft = invoice.status == Invoice.Status.DRAFT
    overdue = stands.overdue(timezone.now()) and invoice.status == Invoice.Status.FINALIZED
    status = Invoice.Status(invoice.status).label
    return InvoiceHead(
        name=invoice.number or f"Draft {invoice.month:%B %Y}",
        address=invoice_address(invoice),
        kind=_KINDS[Invoice.Kind(invoice.kind)],
        month=f"{invoice.month:%B %Y}",
        period=period_text(invoice.period_start, invoice.period_end, clock),
        status="Overdue" if overdue else status,
        look="bad" if overdue else _LOOKS.get(invoice.status, ""),
        total=formats.money(invoice.total, invoice.currency),
        left=formats.money(stands.remaining, invoice.currency) if stands.due_at else "",
        issued=_date(invoice.finalized_at, clock),
        due=last_day(stands, clock),
        overdue=overdue,
        draft=draft,
        blocked_by=list(invoice.unpriced) if draft else [],
    )


_KINDS = {Invoice.Kind.INVOICE: "Invoice", Invoice.Kind.CREDIT_NOTE: "Credit note"}


def invoice_address(invoice: Invoice) -> str:
    """What stands for it in the address of its page."""
    return invoice.number or f"{_DRAFT}{invoice.month:%Y-%m}"


def lines_csv(invoice: Invoice) -> Iterator[bytes]:
    """The rows that the export of the month has of this invoice."""
    rows = lines_export.rows(invoice.tenant, f"{invoice.month:%Y-%m}")
    return csv_lines(lines_export.COLUMNS, (row for row in rows if row[_NUMBER] == invoice.number))


def period_text(start: datetime, end: datetime, clock: ZoneInfo) -> str:
    """As dates where it begins and ends with one, else to the minute."""
    first, last = start.astimezone(clock), end.astimezone(clock)
    if first.time() == last.time() == datetime.min.time():
        return formats.days(first.date(), last.date())
    return f"{formats.clock(first)} to {formats.clock(last)}"


def last_day(stands: Standing, clock: ZoneInfo) -> str:
    """The last day for paying; `due_at` is the midnight after it."""
    if stands.due_at is None:
        return ""
    return formats.full_day(stands.due_at.astimezone(clock).date() - timedelta(days=1))


def _date(at: datetime | None, clock: ZoneInfo) -> str:
    return formats.full_day(at.astimezone(clock).date()) if at else ""
