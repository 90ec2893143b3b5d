"""One invoice's page as it is written: who, what for, what is left to pay, and its proof."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.conf import settings

from billing.invoice_sections import Section, sections
from billing.models import Invoice, InvoiceLine
from billing.parties import Parties, Party, frozen_parties
from billing.prepaid.queries import credit_of
from billing.rating.money import EXACT, ZERO
from billing.standing import Standing, invoice_zone, standing
from dashboards import formats
from dashboards.invoice_pages import InvoiceHead, invoice_address, invoice_head, period_text
from dashboards.pages import Fact

# A page of more is of no use to anyone; the PDF and the CSV have all of them.
MOST_LINES = 500
_PILLS = {"fee": "fee", "commitment": "commitment", "coupon": "coupon"}


@dataclass(frozen=True, slots=True, kw_only=True)
class LineText:
    """A line as it is written; `position` leads to the events behind it."""

    position: int
    description: str
    quantity: str
    unit: str
    unit_amount: str
    amount: str
    period: str
    counted: bool


@dataclass(frozen=True, slots=True)
class SectionText:
    """The lines of one charge, or of its correction for one earlier invoice."""

    title: str
    pill: str
    amount: str
    corrects: str
    corrected_period: str
    lines: list[LineText]


@dataclass(frozen=True, slots=True)
class Row:
    """A total, or another amount with what it is; `strong` is what to look for."""

    name: str
    amount: str
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happened to the invoice after it was finalized."""

    when: str
    what: str
    amount: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoicePage:
    """An invoice with its lines in sections; `hidden` says how many only the files have."""

    head: InvoiceHead
    figure: Row
    seller: Party
    customer: Party
    tax_note: str
    how_to_pay: str
    facts: list[Fact]
    sections: list[SectionText]
    hidden: int
    totals: list[Row]
    steps: list[Step]
    corrected_by: list[tuple[str, str]]
    watermark: str
    final_from: str
    not_charged: list[str] = field(default_factory=list)


def invoice_page(invoice: Invoice, lines: Sequence[InvoiceLine] | None = None) -> InvoicePage:
    """The page; its lines are read unless they are given, as those of a preview are."""
    if lines is None:
        lines = list(invoice.lines.select_related("corrects").order_by("position"))
    clock = ZoneInfo(invoice_zone(invoice))
    stands = standing(invoice)
    head = invoice_head(invoice, stands)
    parties = frozen_parties(invoice.tenant, invoice.parties)
    final_from = invoice.period_end + timedelta(seconds=settings.INVOICE_GRACE_SECONDS)
    return InvoicePage(
        head=head,
        figure=_figure(invoice, stands, head),
        seller=parties.seller,
        customer=parties.customer,
        tax_note=parties.tax_note,
        how_to_pay=_how_to_pay(parties, stands),
        facts=list(_facts(invoice, head)),
        sections=[_section(item, invoice, clock) for item in sections(lines[:MOST_LINES])],
        hidden=max(0, len(lines) - MOST_LINES),
        totals=list(_totals(invoice, stands)),
        steps=list(_steps(invoice, clock)) if invoice.pk else [],
        corrected_by=list(_corrected_by(invoice)) if invoice.pk else [],
        final_from=formats.clock(final_from.astimezone(clock)),
        watermark=f"{invoice.watermark:%Y-%m-%d %H:%M:%S.%f} UTC",
        not_charged=[_uncharged(item) for item in invoice.not_charged],
    )


def _figure(invoice: Invoice, stands: Standing, head: InvoiceHead) -> Row:
    """What the reader came for: what is to be paid, or what was."""
    if head.blocked_by:
        return Row("Priced so far", head.total)
    if stands.due_at is None:
        return Row("Total so far" if head.draft else "Total", head.total)
    if stands.remaining:
        return Row("To be paid", formats.money(stands.remaining, invoice.currency))
    return Row("Paid", formats.money(stands.paid, invoice.currency))


def _how_to_pay(parties: Parties, stands: Standing) -> str:
    return parties.how_to_pay if stands.remaining and stands.due_at else ""


def _facts(invoice: Invoice, head: InvoiceHead) -> Iterator[Fact]:
    yield "Number", invoice.number or "none yet"
    yield "Kind", head.kind
    if head.issued:
        yield "Date of issue", head.issued
    if head.due:
        yield "Due", head.due
    yield "Period of service", head.period
    yield "Currency", invoice.currency


def _section(section: Section, invoice: Invoice, clock: ZoneInfo) -> SectionText:
    corrects = section.corrects
    return SectionText(
        title=section.title,
        pill="correction" if corrects else _PILLS.get(section.kind, ""),
        amount=formats.money(section.amount, invoice.currency),
        corrects=invoice_address(corrects) if corrects else "",
        corrected_period=period_text(corrects.period_start, corrects.period_end, clock)
        if corrects
        else "",
        lines=[_line(line, section, invoice, clock) for line in section.lines],
    )


def _line(line: InvoiceLine, section: Section, invoice: Invoice, clock: ZoneInfo) -> LineText:
    of = section.corrects or invoice
    own_period = (line.period_start, line.period_end) != (of.period_start, of.period_end)
    price = line.unit_amount
    return LineText(
        position=line.position,
        description=section.words(line),
        quantity=formats.count(line.quantity),
        unit=line.unit,
        unit_amount="" if price is None else formats.exact_money(price, invoice.currency),
        amount=formats.money(line.amount, invoice.currency),
        period=period_text(line.period_start, line.period_end, clock) if own_period else "",
        counted=invoice.pk is not None,
    )


def _totals(invoice: Invoice, stands: Standing) -> Iterator[Row]:
    def money(amount: Decimal) -> str:
        return formats.money(amount, invoice.currency)

    credit = credit_of(invoice)
    yield Row("Subtotal", money(invoice.subtotal))
    yield Row(f"Tax, {formats.count(invoice.tax_percent)}{formats.NBSP}%", money(invoice.tax))
    yield Row("Total", money(invoice.total), strong=not (credit or stands.paid))
    if credit:
        left = EXACT.subtract(invoice.total, credit)
        yield Row("Paid with prepaid credit", money(EXACT.minus(credit)))
        yield Row("Amount due", money(left), strong=not stands.paid)
    if stands.paid:
        yield Row("Paid", money(EXACT.subtract(ZERO, stands.paid)))
        over = stands.overpaid
        yield Row("Overpaid" if over else "Left", money(over or stands.remaining), strong=True)


def _steps(invoice: Invoice, clock: ZoneInfo) -> Iterator[Step]:
    """Payments and changes of status in the order in which they happened."""
    found: list[tuple[datetime, str, Decimal | None]] = [
        (payment.paid_at, f"Payment by {payment.method}, {payment.reference}", payment.amount)
        for payment in invoice.payments.all()
    ]
    found += [
        (change.moment, f"{change.after.capitalize()}: {change.reason}", None)
        for change in invoice.changes.all()
    ]
    for at, what, amount in sorted(found, key=lambda step: step[0]):
        written = "" if amount is None else formats.money(amount, invoice.currency)
        yield Step(formats.clock(at.astimezone(clock)), what, written)


def _corrected_by(invoice: Invoice) -> Iterator[tuple[str, str]]:
    """Later invoices with corrections of this one's period: name and address."""
    later = invoice.corrections.exclude(invoice__status=Invoice.Status.VOID)
    numbers = later.order_by("invoice__month").values_list("invoice", flat=True)
    for found in Invoice.objects.filter(pk__in=set(numbers)).order_by("month"):
        yield found.number or f"draft of {found.month:%B %Y}", invoice_address(found)


def _uncharged(item: dict[str, object]) -> str:
    """What no charge of the plan covers: agent.tool (tool sql), 120 events."""
    group, events = item.get("group"), item.get("events")
    words = [f"{name} {value}" for name, value in group.items()] if isinstance(group, dict) else []
    named = f" ({', '.join(words)})" if words else ""
    number = formats.count(events) if isinstance(events, int) else str(events)
    return f"{item.get('type')}{named}, {number} event{'' if events == 1 else 's'}"
