"""From a line of an invoice to the events that it was counted from, and what they come to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from billing.models import InvoiceLine
from billing.pricing import at_terms
from billing.rating.money import EXACT, ZERO
from billing.terms import Terms
from billing.units import meter_unit
from metering import queries
from metering.models import Tenant
from metering.usage.meter import Meter, parse_meter
from metering.usage.period import Period

# A burst charge has no meter: its contracts count the intervals of chips.
_CHIPS = Meter(type="agent.chip", aggregation="count")


@dataclass(frozen=True, slots=True)
class Basis:
    """What a line was counted by. Without a meter of its own it is of bursts."""

    tenant: Tenant
    meter: Meter
    period: Period
    group: list[tuple[str, str]]
    bursts: bool
    currency: str
    # The billed period, of which the line's may be a part.
    whole: Period

    @property
    def value(self) -> str:
        """The field of each event that is added up or compared; empty where there is none."""
        return "" if self.meter.aggregation in {"", "count", "unique"} else self.meter.value

    @property
    def unit(self) -> str:
        return "" if self.bursts else meter_unit(self.meter, self.currency)


@dataclass(frozen=True, slots=True)
class Counted:
    """All events behind a line: how many, and what the meter makes of them.

    `before` is what it made of those that the corrected invoice was computed from.
    """

    events: int
    quantity: Decimal | None
    before: Decimal | None = None


def line_events(
    line: InvoiceLine, after: tuple[datetime, str, str] | None, limit: int
) -> list[queries.EventRow]:
    """The events of the line's charge, group and period, received before the watermark.

    None where nothing was counted, as of a fee. Those of a derived metric are the tasks, or the
    calls, that it is derived from.
    """
    basis = line_basis(line)
    if basis is None:
        return []
    return queries.evidence(
        basis.tenant,
        basis.meter,
        basis.period,
        basis.group,
        received_before=line.invoice.watermark,
        after=after,
        limit=limit,
    )


def _terms(line: InvoiceLine) -> Terms:
    """Those of the line's period; of a correction, as the invoice that it is on says."""
    if line.corrects is not None:
        for item in line.invoice.snapshot["corrected"]:
            if item["number"] == line.corrects.number and "terms" in item:
                return Terms.from_json(item["terms"])
    return Terms.from_json((line.corrects or line.invoice).snapshot["terms"])


def line_basis(line: InvoiceLine) -> Basis | None:
    """What the line was counted by; None of a line that is no usage."""
    if line.kind != InvoiceLine.Kind.USAGE:
        return None
    terms = _terms(line)
    meter = _meter(terms, line)
    return Basis(
        at_terms(line.invoice.tenant, terms),
        meter or _CHIPS,
        Period(line.period_start, line.period_end),
        sorted(line.group.items()),
        bursts=meter is None,
        currency=terms.currency,
        whole=terms.period,
    )


def counted(line: InvoiceLine, basis: Basis) -> Counted:
    """What all the events of the line come to, as of the watermark."""
    watermark = line.invoice.watermark
    events = queries.evidence_count(
        basis.tenant, basis.meter, basis.period, basis.group, received_before=watermark
    )
    before = _quantity(basis, line.corrects.watermark) if line.corrects else None
    return Counted(events, _quantity(basis, watermark), before)


def event_values(
    line: InvoiceLine, basis: Basis, rows: Sequence[queries.EventRow]
) -> list[Decimal] | None:
    """What each event of a page adds; None where it is the event itself that counts."""
    if not basis.value:
        return None
    return queries.evidence_values(basis.tenant, basis.value, rows, line.invoice.watermark)


def _quantity(basis: Basis, watermark: datetime) -> Decimal | None:
    """None where a line is derived from its events in more than one step."""
    if basis.bursts or basis.meter.metric == "cost":
        return None
    found = queries.meter_quantities(
        basis.tenant, basis.meter, basis.period, watermark, basis.whole
    )
    total = ZERO
    for item in found:
        if sorted(item.group) == basis.group:
            total = EXACT.add(total, item.quantity)
    return total


def _meter(terms: Terms, line: InvoiceLine) -> Meter | None:
    for plan in terms.plans:
        for charge in plan.charges:
            if charge.code == line.code and line.period_start in plan.period_of(charge):
                return parse_meter(charge.meter) if charge.meter is not None else None
    return None
