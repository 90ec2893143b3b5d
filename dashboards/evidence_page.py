"""The events behind a line of an invoice as they are written, a page at a time."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from billing.evidence import Basis, Counted, counted, event_values, line_basis, line_events
from billing.invoice_sections import Section
from billing.models import Invoice, InvoiceLine
from billing.rating.money import EXACT, ZERO
from billing.standing import invoice_zone
from dashboards import formats
from dashboards.invoice_pages import invoice_address, period_text
from dashboards.ranges import RangeError
from metering.queries import EventRow

SIZES = (50, 100, 500)
_NOT_COUNTED = {
    "fee": "A fee is owed by the plan, for the period, whatever was used: no events are behind it.",
    "commitment": "A commitment is owed by the plan. This line is what the usage on this invoice"
    " falls short of it: the events are those of the other lines.",
    "coupon": "A coupon takes off what was agreed on: no events are behind it.",
}
_DERIVED = {
    "delivering_agent_days": "An agent counts once on each of its days with enough tasks whose last"
    " event says succeeded. These are the events of tasks that it was derived from.",
    "active_agent_days": "An agent counts once on each day with an event of any type.",
    "succeeded_tasks": "A task counts when its last event says succeeded.",
    "effective_tokens": "The tokens of these calls, less what was repeated, failed or retried.",
    "cost": "What the tokens, chips and tools cost the operator, by the price book that this"
    " invoice keeps.",
}
_BURSTS = (
    "Chips are counted by their level: how many are in use at each moment, against the baseline of"
    " the contract. These are the intervals of the chip in the period; one that began before it and"
    " reaches into it counts too."
)


@dataclass(frozen=True, slots=True)
class EventText:
    """An event as a row of the table."""

    time: str
    source: str
    id: str
    type: str
    agent: str
    task: str
    value: str


@dataclass(frozen=True, slots=True)
class Billed:
    """A line of the same charge and group: what of the quantity it bills, and for how much."""

    position: int
    words: str
    quantity: str
    unit: str
    amount: str
    here: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidencePage:
    """The line, what its events come to and how that is billed, and a page of the events."""

    title: str
    invoice: str
    address: str
    position: int
    amount: str
    period: str
    corrects: str
    explanation: str
    counted: bool
    events: str
    quantity: str
    before: str
    difference: str
    corrected_before: list[tuple[str, str]]
    value: str
    page_sum: str
    billed: list[Billed]
    rows: list[EventText]
    size: int
    first: bool
    following: dict[str, str]


def read_size(params: Mapping[str, str]) -> int:
    """How many events a page has. Raises RangeError."""
    text = params.get("size", str(SIZES[0]))
    if text not in map(str, SIZES):
        raise RangeError(f"size: {text!r} is not one of {', '.join(map(str, SIZES))}.")
    return int(text)


def read_place(params: Mapping[str, str]) -> tuple[datetime, str, str] | None:
    """The place of the last event on the page before. Raises RangeError."""
    if "time" not in params:
        return None
    try:
        time = datetime.fromisoformat(params["time"])
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        raise RangeError("The place of the page cannot be read.")
    return time, params.get("source", ""), params.get("id", "")


def evidence_page(
    line: InvoiceLine, after: tuple[datetime, str, str] | None, size: int
) -> EvidencePage:
    """The page of a line, from the event after `after` on."""
    clock = ZoneInfo(invoice_zone(line.invoice))
    basis = line_basis(line)
    rows = line_events(line, after, size + 1)
    shown = rows[:size]
    values = event_values(line, basis, shown) if basis else None
    found = counted(line, basis) if basis else Counted(0, None)
    unit = basis.unit if basis else ""
    section = Section(line.code, line.kind, line.corrects, [line])
    return EvidencePage(
        title=f"{section.title} · {section.words(line)}",
        invoice=str(line.invoice.number or line.invoice),
        address=invoice_address(line.invoice),
        position=line.position,
        amount=formats.money(line.amount, line.invoice.currency),
        period=period_text(line.period_start, line.period_end, clock),
        corrects=str(line.corrects.number) if line.corrects else "",
        explanation=_explanation(line, basis),
        counted=basis is not None,
        events=formats.count(found.events),
        quantity=_written(found.quantity, unit),
        before=_written(found.before, unit),
        difference=_difference(found, unit),
        corrected_before=list(_corrected_before(line)),
        value=basis.value.replace("_", " ") if basis else "",
        page_sum=_sum(basis, values),
        billed=list(_billed(line, section)),
        rows=_rows(shown, values, clock),
        size=size,
        first=after is None,
        following=_place(shown[-1]) if len(rows) > size else {},
    )


def _explanation(line: InvoiceLine, basis: Basis | None) -> str:
    if basis is None:
        return _NOT_COUNTED[line.kind]
    if basis.bursts:
        return _BURSTS
    return _DERIVED.get(basis.meter.metric, "")


def _written(quantity: Decimal | None, unit: str) -> str:
    return "" if quantity is None else f"{formats.count(quantity)} {unit}".strip()


def _difference(found: Counted, unit: str) -> str:
    if found.quantity is None or found.before is None:
        return ""
    return _written(EXACT.subtract(found.quantity, found.before), unit)


def _corrected_before(line: InvoiceLine) -> Iterator[tuple[str, str]]:
    """Invoices that have billed a part of the difference already: number and quantity."""
    if line.corrects is None:
        return
    earlier = InvoiceLine.objects.filter(
        corrects=line.corrects,
        code=line.code,
        key=line.key,
        period_start=line.period_start,
        invoice__watermark__lt=line.invoice.watermark,
        invoice__number__isnull=False,
    ).exclude(invoice__status=Invoice.Status.VOID)
    for other in earlier.select_related("invoice").order_by("invoice__watermark"):
        if other.group == line.group:
            yield str(other.invoice.number), _written(other.quantity, other.unit)


def _billed(line: InvoiceLine, section: Section) -> Iterator[Billed]:
    """All lines that these events are billed by: the tiers of a charge share them."""
    same = line.invoice.lines.filter(
        code=line.code, kind=line.kind, corrects=line.corrects, period_start=line.period_start
    )
    for other in same.order_by("position"):
        if other.group == line.group:
            yield Billed(
                other.position,
                section.words(other),
                formats.count(other.quantity),
                other.unit,
                formats.money(other.amount, line.invoice.currency),
                other.pk == line.pk,
            )


def _rows(
    rows: Sequence[EventRow], values: Sequence[Decimal] | None, clock: ZoneInfo
) -> list[EventText]:
    texts = [""] * len(rows) if values is None else [formats.count(value) for value in values]
    return [
        EventText(_moment(row.time.astimezone(clock)), *row[1:], text)
        for row, text in zip(rows, texts, strict=True)
    ]


def _moment(at: datetime) -> str:
    return f"{formats.full_day(at)}, {at:%H:%M:%S}"


def _place(row: EventRow) -> dict[str, str]:
    return {"time": row.time.isoformat(), "source": row.source, "id": row.id}


def _sum(basis: Basis | None, values: Sequence[Decimal] | None) -> str:
    """Of values that are added up; others are compared, or count as long as they last."""
    if values is None or basis is None or basis.meter.aggregation != "sum":
        return ""
    total = ZERO
    for value in values:
        total = EXACT.add(total, value)
    return formats.count(total)
