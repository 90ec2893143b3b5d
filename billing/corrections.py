"""Usage that came after its month was invoiced: billed, or given back, on the next invoice.

The earlier month is priced again as of the new watermark, by its own terms or by those that took
their place (billing/rerating.py); a line whose amount is no longer what was billed so far becomes
a correction line with the difference.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

import msgspec

from billing.backdating import resubscribed
from billing.burst_balances import Balances
from billing.catalogue.revision import latest_number
from billing.models import Invoice, InvoiceLine
from billing.month import price_month
from billing.pricing import Identity, PricedLine
from billing.rating.money import EXACT, ZERO, plain
from billing.terms import Terms, cost_book, read_contracts
from billing.timeline import Timeline
from billing.touched import earlier_invoices
from metering.models import Tenant


@dataclass(frozen=True, slots=True)
class Corrected:
    """An earlier invoice and the terms its month is priced by again; none if it need not be."""

    invoice: Invoice
    terms: Terms | None

    def as_json(self) -> dict[str, object]:
        """The number; the terms only where they are more than the invoice itself keeps."""
        own = Terms.from_json(self.invoice.snapshot["terms"]) if self.terms else None
        more = {} if self.terms is None or own == self.terms else {"terms": self.terms.as_json()}
        return {"number": self.invoice.number, **more}


def to_correct(asked: Sequence[tuple[Tenant, Terms]], watermark: datetime) -> list[list[Corrected]]:
    """For each tenant its invoices of earlier periods, oldest first."""
    return [
        [
            corrected_now(tenant, invoice) if may_differ else Corrected(invoice, None)
            for invoice, may_differ in invoices
        ]
        for (tenant, _), invoices in zip(asked, earlier_invoices(asked, watermark), strict=True)
    ]


def corrected_now(tenant: Tenant, invoice: Invoice, terms: Terms | None = None) -> Corrected:
    """An invoice and the terms that its month is priced by as things stand, or by these."""
    timeline = Timeline.read(tenant, tenant.timezone)
    own = resubscribed(terms or terms_in_force(invoice), timeline)
    return Corrected(invoice, _completed(tenant, own))


def terms_in_force(invoice: Invoice) -> Terms:
    """The invoice's own terms, or the last that took their place."""
    restated = invoice.restatements.order_by("pk").last()
    return Terms.from_json(restated.terms if restated else invoice.snapshot["terms"])


def corrected_from_json(tenant: Tenant, data: list[dict[str, object]]) -> list[Corrected]:
    """What an invoice says that it corrected."""
    numbers = [item["number"] for item in data]
    found = {i.number: i for i in Invoice.objects.filter(tenant=tenant, number__in=numbers)}
    invoices = [found[str(number)] for number in numbers]
    return [
        Corrected(invoice, Terms.from_json(item.get("terms", invoice.snapshot["terms"])))
        for invoice, item in zip(invoices, data, strict=True)
    ]


def correction_lines(
    tenant: Tenant, corrected: Corrected, watermark: datetime, balances: Balances
) -> tuple[list[PricedLine], list[str]]:
    """The differences as of a watermark, in a fixed order, and what of them has no price."""
    if corrected.terms is None:
        return [], []
    found, unpriced = differences(corrected.invoice, tenant, corrected.terms, watermark, balances)
    month = corrected.terms.month
    lines = [_correction(one, month) for one in found if one.of("amount")]
    return lines, [f"{month}: {problem}" for problem in unpriced]


@dataclass(frozen=True, slots=True)
class Difference:
    """A line as it is now and as it was billed so far, of which one may be missing."""

    now: PricedLine | None
    billed: PricedLine | None

    @property
    def shown(self) -> PricedLine:
        """The line that tells which one it is."""
        line = self.now or self.billed
        assert line is not None, "a difference comes from one of the two"  # noqa: S101
        return line

    def of(self, name: str) -> Decimal:
        """How much more a number of the line is now."""
        return _less(self.now, self.billed, name)


def differences(
    invoice: Invoice, tenant: Tenant, terms: Terms, watermark: datetime, balances: Balances
) -> tuple[list[Difference], list[str]]:
    """Every line of the invoice's month, in a fixed order, and what of them has no price."""
    priced = price_month(tenant, terms, watermark, balances)
    billed = _billed(invoice, watermark)
    now = {line.identity: line for line in priced.lines}
    gone = sorted(billed.keys() - now.keys())
    found = [Difference(now.get(one), billed.get(one)) for one in [*now, *gone]]
    return found, priced.unpriced


def _correction(difference: Difference, month: str) -> PricedLine:
    """The line that makes the difference up; priced by the unit only where that explains it."""
    shown, quantity = difference.shown, difference.of("quantity")
    exact, unit_amount = difference.of("exact_amount"), shown.unit_amount
    instead = ""
    if unit_amount is not None and EXACT.multiply(quantity, unit_amount) != exact:
        before = difference.billed.unit_amount if difference.billed else None
        if difference.now and before is not None and before != unit_amount:
            instead = f" ({plain(unit_amount)} each instead of {plain(before)})"
        unit_amount = None
    return replace(
        shown,
        description=f"Correction of {month}: {shown.description}{instead}",
        quantity=quantity,
        unit_amount=unit_amount,
        exact_amount=exact,
        amount=difference.of("amount"),
    )


def _less(line: PricedLine | None, before: PricedLine | None, name: str) -> Decimal:
    return EXACT.subtract(
        getattr(line, name) if line else ZERO, getattr(before, name) if before else ZERO
    )


def _billed(invoice: Invoice, watermark: datetime) -> dict[Identity, PricedLine]:
    """What was billed for the invoice's period before the watermark, by line."""
    own = list(invoice.lines.filter(corrects=None))
    later = InvoiceLine.objects.filter(corrects=invoice, invoice__watermark__lt=watermark)
    # One that is void counted for those that were finalized while it was not.
    gone = Invoice.objects.filter(changes__after="void", changes__watermark__lt=watermark)
    later = later.exclude(invoice__status=Invoice.Status.DRAFT).exclude(invoice__in=gone)
    billed: dict[Identity, PricedLine] = {}
    for line in [*own, *later.order_by("pk")]:
        one = _as_priced(line)
        if before := billed.get(one.identity):
            one = replace(
                before,
                quantity=EXACT.add(before.quantity, one.quantity),
                exact_amount=EXACT.add(before.exact_amount, one.exact_amount),
                amount=EXACT.add(before.amount, one.amount),
            )
        billed[one.identity] = one
    return billed


def _as_priced(line: InvoiceLine) -> PricedLine:
    return PricedLine(
        code=line.code,
        group=tuple(sorted(line.group.items())),
        start=line.period_start,
        key=line.key,
        end=line.period_end,
        description=line.description,
        quantity=line.quantity,
        unit=line.unit,
        unit_amount=line.unit_amount,
        exact_amount=line.exact_amount,
        amount=line.amount,
        kind=InvoiceLine.Kind(line.kind),
    )


def _completed(tenant: Tenant, own: Terms) -> Terms:
    """Terms, and today's prices for what they knew no price of at all.

    What it knew a price of keeps it; late usage of an unknown chip or model needs a new one, and
    so does time on a plan that the tenant was put on later.
    """
    chips = {contract.chip for contract in own.contracts}
    contracts = [c for c in read_contracts(tenant, own.period) if c.chip not in chips]
    if not own.costed:
        return msgspec.structs.replace(own, contracts=own.contracts + contracts)
    units = {(rate.kind, rate.name) for rate in own.unit_rates}
    book = cost_book(own.currency)
    return msgspec.structs.replace(
        own,
        contracts=own.contracts + contracts,
        later_token_rates=list(book.tokens),
        later_catalogue=latest_number(),
        unit_rates=own.unit_rates + [r for r in book.units if (r.kind, r.name) not in units],
    )
