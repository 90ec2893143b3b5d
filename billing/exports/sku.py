"""What stands in a plan's terms behind a line: the charge, what it counts, and its service."""

from dataclasses import dataclass
from datetime import datetime

from billing.models import Invoice, InvoiceLine
from billing.terms import Terms
from metering.usage.meter import Meter, parse_meter

_AI = "AI and Machine Learning"
# Of FOCUS's own words, by the type of event or the metric that is counted.
_SERVICES = {
    "agent.tokens": (_AI, "Generative AI"),
    "agent.cache": (_AI, "Generative AI"),
    "effective_tokens": (_AI, "Generative AI"),
    "agent.chip": ("Compute", "Other (Compute)"),
    "agent.tool": (_AI, "AI Platforms"),
}
PLATFORM = (_AI, "AI Platforms")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sku:
    """A charge of a plan's version; no meter where the tenant's burst contracts are counted."""

    plan: str
    valid_from: str
    code: str
    meter: Meter | None

    @property
    def id(self) -> str:
        return f"{self.plan}/{self.code}"

    def price_id(self, key: str) -> str:
        """A part of the charge, such as a tier, at the price of this version."""
        return f"{self.plan}/{self.valid_from}/{self.code}/{key}"

    @property
    def service(self) -> tuple[str, str]:
        counted = (self.meter.metric or self.meter.kind) if self.meter else "agent.chip"
        return _SERVICES.get(counted, PLATFORM)

    @property
    def counts(self) -> str:
        """Such as `agent.tokens sum input_tokens`."""
        if self.meter is None:
            return "agent.chip burst"
        words = (self.meter.metric, self.meter.type, self.meter.aggregation, self.meter.value)
        return " ".join(filter(None, words))

    def filtered(self, name: str) -> str:
        """The one value of a dimension that the charge is about, if there is one."""
        for dimension, values in self.meter.filters if self.meter else ():
            if dimension == name and len(values) == 1:
                return values[0]
        return ""


class Skus:
    """The charges of the terms that a month's lines were priced by; each is read once."""

    def __init__(self) -> None:
        self._terms: dict[int, Terms] = {}
        self._found: dict[tuple[int, str, datetime], Sku] = {}

    def of(self, line: InvoiceLine) -> Sku:
        """The charge of a line; of a fee or a coupon the line's own code under its plan."""
        priced_by = line.corrects or line.invoice
        place = (priced_by.pk, line.code, line.period_start)
        if place not in self._found:
            self._found[place] = _sku(self._terms_of(priced_by), line)
        return self._found[place]

    def _terms_of(self, invoice: Invoice) -> Terms:
        if invoice.pk not in self._terms:
            snapshot = Invoice.objects.values_list("snapshot", flat=True).get(pk=invoice.pk)
            self._terms[invoice.pk] = Terms.from_json(snapshot["terms"])
        return self._terms[invoice.pk]


def _sku(terms: Terms, line: InvoiceLine) -> Sku:
    # A fee may be for a time before or after the month: it is the last plan's then.
    for plan in terms.plans:
        if line.period_start in plan.period or plan is terms.plans[-1]:
            own = [charge for charge in plan.charges if charge.code == line.code]
            known = (charge for charge in own if line.period_start in plan.period_of(charge))
            charge = next(known, None)
            meter = parse_meter(charge.meter) if charge and charge.meter else None
            since = plan.valid_from.isoformat()
            return Sku(plan=plan.plan, valid_from=since, code=line.code, meter=meter)
    # A fee that is billed in advance is of a plan that may begin after the month.
    return Sku(
        plan=line.group.get("plan", "none"), valid_from=terms.month, code=line.code, meter=None
    )
