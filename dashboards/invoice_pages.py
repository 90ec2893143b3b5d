"""The invoice list and one invoice's page, as they are written; and its lines as CSV."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import QuerySet

from billing.exports import lines as lines_export
from billing.exports.csv_writer import csv_lines
from billing.models import Invoice, InvoiceLine
from billing.rating.money import EXACT, ZERO
from dashboards import formats

# A page of more is of no use to anyone; the CSV has all of them.
MOST_LINES = 500
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
    subtotal: str
    tax: str
    tax_percent: str
    total: str
    finalized: str
    draft: bool
    blocked_by: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class LineText:
    """A line as it is written."""

    description: str
    quantity: str
    unit: str
    unit_amount: str
    amount: str
    period: str


@dataclass(frozen=True, slots=True)
class Section:
    """The lines of one charge, or of its correction for one earlier invoice."""

    title: str
    amount: str
    correction: bool
    lines: list[LineText]


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoicePage:
    """An invoice with its lines in sections; `hidden` says how many only the CSV has."""

    head: InvoiceHead
    sections: list[Section]
    hidden: int
    watermark: str
    final_from: str
    not_charged: list[str] = field(default_factory=list)


def invoice_list(invoices: Iterable[Invoice]) -> list[InvoiceHead]:
    """The latest month first."""
    return [_head(invoice) for invoice in invoices]


def find_invoice(own: QuerySet[Invoice], number: str) -> Invoice | None:
    """By its number, or a draft, which has none yet, by its month as `draft-2026-10`."""
    if not number.startswith(_DRAFT):
        return own.filter(number=number).first()
    try:
        month = date.fromisoformat(f"{number.removeprefix(_DRAFT)}-01")
    except ValueError:
        return None
    return own.filter(status=Invoice.Status.DRAFT, month=month).first()


def invoice_page(invoice: Invoice, zone: str) -> InvoicePage:
    """The page; times are the tenant's."""
    lines = list(invoice.lines.select_related("corrects").order_by("position"))
    clock = ZoneInfo(zone)
    return InvoicePage(
        head=_head(invoice, zone),
        sections=list(_sections(lines[:MOST_LINES], invoice, clock)),
        hidden=max(0, len(lines) - MOST_LINES),
        final_from=formats.clock(_final_from(invoice).astimezone(clock)),
        watermark=f"{_moment(invoice.watermark)} UTC",
        not_charged=[_uncharged(item) for item in invoice.not_charged],
    )


def lines_csv(invoice: Invoice) -> Iterator[bytes]:
    """The rows that the export of the month has of this invoice."""
    rows = lines_export.rows(invoice.tenant, f"{invoice.month:%Y-%m}")
    return csv_lines(lines_export.COLUMNS, (row for row in rows if row[_NUMBER] == invoice.number))


def _head(invoice: Invoice, zone: str | None = None) -> InvoiceHead:
    clock = ZoneInfo(zone or invoice.tenant.timezone)
    draft = invoice.status == Invoice.Status.DRAFT
    address = invoice.number or f"{_DRAFT}{invoice.month:%Y-%m}"
    return InvoiceHead(
        name=invoice.number or f"Draft {invoice.month:%B %Y}",
        address=address,
        kind=Invoice.Kind(invoice.kind).label,
        month=f"{invoice.month:%B %Y}",
        period=_period(invoice.period_start, invoice.period_end, clock),
        status=Invoice.Status(invoice.status).label,
        look=_LOOKS.get(invoice.status, ""),
        subtotal=formats.money(invoice.subtotal, invoice.currency),
        tax=formats.money(invoice.tax, invoice.currency),
        tax_percent=f"{formats.count(invoice.tax_percent)}{formats.NBSP}%",
        total=formats.money(invoice.total, invoice.currency),
        finalized=_finalized(invoice, clock),
        draft=draft,
        blocked_by=list(invoice.unpriced) if draft else [],
    )


def _sections(lines: list[InvoiceLine], invoice: Invoice, clock: ZoneInfo) -> Iterator[Section]:
    """Lines stand together as the invoice has them: charges first, corrections after."""
    for (corrects, code), found in groupby(lines, key=lambda line: (line.corrects, line.code)):
        section = list(found)
        charge = code.replace("-", " ").replace("_", " ").capitalize()
        of = f" for {corrects.month:%B %Y} ({corrects.number})" if corrects else ""
        yield Section(
            title=f"{charge}{of}",
            amount=formats.money(_sum(line.amount for line in section), invoice.currency),
            correction=corrects is not None,
            lines=[_line(line, invoice, clock, charge) for line in section],
        )


def _line(line: InvoiceLine, invoice: Invoice, clock: ZoneInfo, charge: str) -> LineText:
    """Without the charge's name, which is the section's title already."""
    own_period = (line.period_start, line.period_end) != (invoice.period_start, invoice.period_end)
    unit_amount = line.unit_amount
    return LineText(
        description=line.description.removeprefix(f"{charge} · "),
        quantity=formats.count(line.quantity),
        unit=line.unit,
        unit_amount=""
        if unit_amount is None
        else formats.exact_money(unit_amount, invoice.currency),
        amount=formats.money(line.amount, invoice.currency),
        period=_period(line.period_start, line.period_end, clock) if own_period else "",
    )


def _period(start: datetime, end: datetime, clock: ZoneInfo) -> str:
    """As dates where it begins and ends with one, else to the minute."""
    first, last = start.astimezone(clock), end.astimezone(clock)
    if first.time() == last.time() == datetime.min.time():
        return formats.days(first.date(), last.date())
    return f"{formats.clock(first)} to {formats.clock(last)}"


def _finalized(invoice: Invoice, clock: ZoneInfo) -> str:
    at = invoice.finalized_at
    return formats.full_day(at.astimezone(clock).date()) if at else ""


def _final_from(invoice: Invoice) -> datetime:
    return invoice.period_end + timedelta(seconds=settings.INVOICE_GRACE_SECONDS)


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S.%f}"


def _uncharged(item: dict[str, object]) -> str:
    """What no charge of the plan covers: agent.tool (tool sql), 120 events."""
    group, events = item.get("group"), item.get("events")
    words = [f"{name} {value}" for name, value in group.items()] if isinstance(group, dict) else []
    named = f" ({', '.join(words)})" if words else ""
    number = formats.count(events) if isinstance(events, int) else str(events)
    return f"{item.get('type')}{named}, {number} event{'' if events == 1 else 's'}"


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    total = ZERO
    for amount in amounts:
        total = EXACT.add(total, amount)
    return total
