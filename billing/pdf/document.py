"""What the PDF of an invoice says, as plain texts: a function of the invoice and nothing else."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from billing.invoice_sections import Section, sections
from billing.models import Invoice, InvoiceLine
from billing.parties import Parties, Party, due_date, frozen_parties, local_date
from billing.rating.money import EXACT, plain, round_money
from billing.standing import invoice_zone

Fact = tuple[str, str]
_TITLES = {Invoice.Kind.INVOICE: "Invoice", Invoice.Kind.CREDIT_NOTE: "Credit note"}
# Across every page of what must not be taken for a bill that stands.
_STAMPS = {Invoice.Status.DRAFT: "DRAFT", Invoice.Status.VOID: "VOID"}
_ONE_DAY = timedelta(days=1)


def document(invoice: Invoice) -> dict[str, Any]:
    """Everything that stands on the pages, in their order."""
    parties = frozen_parties(invoice.tenant, invoice.parties)
    zone = invoice_zone(invoice)
    lines = invoice.lines.select_related("corrects").order_by("position")
    made_of = list(sections(lines))
    issued = local_date(invoice.finalized_at or invoice.watermark, zone)
    title = _TITLES[Invoice.Kind(invoice.kind)]
    return {
        "title": title,
        "name": invoice.number or f"draft for {invoice.month:%B %Y}",
        "stamp": _STAMPS.get(Invoice.Status(invoice.status), ""),
        "date": [issued.year, issued.month, issued.day],
        "zone": zone,
        "currency": invoice.currency,
        "seller": _party(parties.seller),
        "customer": _party(parties.customer),
        "facts": list(_facts(invoice, parties, zone, made_of)),
        "sections": [_section(section, invoice, zone) for section in made_of],
        "totals": list(_totals(invoice)),
        "notes": list(_notes(invoice, parties)),
        "footer": _footer(invoice, parties, title),
    }


def _party(party: Party) -> dict[str, Any]:
    more = [party.email, f"Tax ID {party.tax_id}" if party.tax_id else ""]
    lines = [*party.address.splitlines(), *more]
    return {"name": party.name, "lines": [line for line in lines if line.strip()]}


def _facts(invoice: Invoice, parties: Parties, zone: str, made_of: list[Section]) -> Iterator[Fact]:
    yield "Number", invoice.number or "none yet"
    if invoice.finalized_at:
        issued = local_date(invoice.finalized_at, zone)
        yield "Date of issue", _day(issued)
        if invoice.kind == Invoice.Kind.INVOICE:
            yield "Due", _day(due_date(issued, parties))
    yield "Period of service", _period(invoice.period_start, invoice.period_end, zone)
    named = "Amount due" if invoice.amount_due != invoice.total else "Total"
    yield named, f"{invoice.currency} {_amount(invoice.amount_due, invoice.currency)}"
    corrected = {str(s.corrects.number): None for s in made_of if s.corrects}
    if corrected:
        yield "Corrects", ", ".join(corrected)


def _section(section: Section, invoice: Invoice, zone: str) -> dict[str, Any]:
    of = f" ({section.corrects.number})" if section.corrects else ""
    return {
        "title": f"{section.title}{of}",
        "amount": _amount(section.amount, invoice.currency) if len(section.lines) > 1 else "",
        "lines": [_line(line, section, invoice, zone) for line in section.lines],
    }


def _line(line: InvoiceLine, section: Section, invoice: Invoice, zone: str) -> list[str]:
    own = (line.period_start, line.period_end) != (invoice.period_start, invoice.period_end)
    return [
        section.words(line),
        _period(line.period_start, line.period_end, zone) if own else "",
        _number(line.quantity),
        line.unit,
        "" if line.unit_amount is None else _number(line.unit_amount),
        _amount(line.amount, invoice.currency),
    ]


def _totals(invoice: Invoice) -> Iterator[tuple[str, str, bool]]:
    """Name, amount, and whether it is what to look for."""
    currency = invoice.currency
    credit = EXACT.subtract(invoice.amount_due, invoice.total)
    yield "Subtotal", _amount(invoice.subtotal, currency), False
    yield f"Tax, {plain(invoice.tax_percent)} %", _amount(invoice.tax, currency), False
    yield f"Total in {currency}", _amount(invoice.total, currency), not credit
    if credit:
        yield "Paid with prepaid credit", _amount(credit, currency), False
        yield f"Amount due in {currency}", _amount(invoice.amount_due, currency), True


def _notes(invoice: Invoice, parties: Parties) -> Iterator[str]:
    if invoice.status == Invoice.Status.DRAFT:
        yield "This is a draft and no bill: it has no number and may change until it is finalized."
    for problem in invoice.unpriced if invoice.status == Invoice.Status.DRAFT else []:
        yield f"Without a price, and not in the total: {problem}."
    if invoice.kind == Invoice.Kind.CREDIT_NOTE:
        yield "The amount of this credit note is in the customer's favour."
    if parties.tax_note:
        yield parties.tax_note
    if parties.how_to_pay and invoice.kind == Invoice.Kind.INVOICE:
        yield f"How to pay: {parties.how_to_pay}"
    yield (
        f"Computed from the events received before {invoice.watermark:%Y-%m-%d %H:%M:%S.%f} UTC."
        " What arrived later is on a later invoice, as a correction of this period."
    )


def _footer(invoice: Invoice, parties: Parties, title: str) -> str:
    names = [parties.seller.name, parties.seller.tax_id and f"Tax ID {parties.seller.tax_id}"]
    return " · ".join(filter(None, [*names, f"{title} {invoice.number or '(draft)'}"]))


def _amount(amount: Decimal, currency: str) -> str:
    return f"{round_money(amount, currency):,f}"


def _number(number: Decimal) -> str:
    return f"{Decimal(plain(number)):,f}"


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"


def _period(start: datetime, end: datetime, zone: str) -> str:
    """The days of a period, the last one included; moments where it does not end with a day."""
    clock = ZoneInfo(zone)
    first, last = start.astimezone(clock), end.astimezone(clock)
    if first.time() == last.time() == datetime.min.time():
        return f"{_day(first.date())} – {_day(last.date() - _ONE_DAY)}"
    return f"{_day(first.date())} {first:%H:%M} – {_day(last.date())} {last:%H:%M}"
