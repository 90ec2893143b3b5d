"""From a line of an invoice to the events that it was counted from."""

from datetime import datetime

from billing.models import InvoiceLine
from billing.pricing import at_terms
from billing.terms import Terms
from metering import queries
from metering.usage.meter import Meter, parse_meter
from metering.usage.period import Period

# A burst charge has no meter: its contracts count the intervals of chips.
_CHIPS = Meter(type="agent.chip", aggregation="count")


def line_events(
    line: InvoiceLine, after: tuple[datetime, str, str] | None, limit: int
) -> list[queries.EventRow]:
    """The events of the line's charge, group and period, received before the watermark.

    None where nothing was counted, as of a fee. Those of a derived metric are the tasks, or the
    calls, that it is derived from.
    """
    if line.kind != InvoiceLine.Kind.USAGE:
        return []
    terms = Terms.from_json((line.corrects or line.invoice).snapshot["terms"])
    return queries.evidence(
        at_terms(line.invoice.tenant, terms),
        _meter(terms, line),
        Period(line.period_start, line.period_end),
        sorted(line.group.items()),
        received_before=line.invoice.watermark,
        after=after,
        limit=limit,
    )


def _meter(terms: Terms, line: InvoiceLine) -> Meter:
    for plan in terms.plans:
        for charge in plan.charges:
            if charge.code == line.code and line.period_start in plan.period_of(charge):
                return parse_meter(charge.meter) if charge.meter is not None else _CHIPS
    return _CHIPS
