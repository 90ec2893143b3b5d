"""A month's bill as a value: its lines, corrections of earlier months, and the totals."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from billing.burst_balances import Balances
from billing.corrections import Corrected, correction_lines
from billing.models import Invoice
from billing.month import price_month
from billing.not_charged import Uncharged, not_charged
from billing.pricing import PricedLine, at_terms
from billing.rating.money import EXACT, ZERO, round_money
from billing.terms import Terms
from metering.models import Tenant


@dataclass(frozen=True, slots=True)
class BillLine:
    """A line, and the earlier invoice that it corrects if it is a correction."""

    line: PricedLine
    corrects: Invoice | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """What an invoice says, before it is one."""

    terms: Terms
    corrected: list[Corrected]
    watermark: datetime
    lines: list[BillLine]
    unpriced: list[str]
    not_charged: list[Uncharged]

    @property
    def subtotal(self) -> Decimal:
        total = round_money(ZERO, self.currency)
        for item in self.lines:
            total = EXACT.add(total, item.line.amount)
        return total

    @property
    def tax(self) -> Decimal:
        """The tax is a line of its own: rounded once, from the subtotal."""
        exact = EXACT.multiply(self.subtotal, self.terms.tax_percent.scaleb(-2, EXACT))
        return round_money(exact, self.currency)

    @property
    def total(self) -> Decimal:
        return EXACT.add(self.subtotal, self.tax)

    @property
    def currency(self) -> str:
        return self.terms.currency

    @property
    def kind(self) -> Invoice.Kind:
        """What was billed too much, on balance, is given back by a credit note."""
        return Invoice.Kind.CREDIT_NOTE if self.total < ZERO else Invoice.Kind.INVOICE

    @property
    def snapshot(self) -> dict[str, object]:
        """What `verify_invoice` computes it from again."""
        corrected = [item.as_json() for item in self.corrected]
        return {"terms": self.terms.as_json(), "corrected": corrected}


def compute_bill(
    tenant: Tenant,
    terms: Terms,
    corrected: list[Corrected],
    watermark: datetime,
    balances: Balances,
) -> Bill:
    """The bill as of a watermark: a function of its arguments and the events before it.

    Balances are a function of the same, so which ones are known already changes nothing.
    """
    # Oldest first: each month then leaves the credits that the next one begins with.
    corrections = [correction_lines(tenant, item, watermark, balances) for item in corrected]
    priced = price_month(tenant, terms, watermark, balances)
    lines, unpriced = [BillLine(line) for line in priced.lines], list(priced.unpriced)
    for item, (differences, missing) in zip(corrected, corrections, strict=True):
        lines += [BillLine(line, item.invoice) for line in differences]
        unpriced += missing
    return Bill(
        terms=terms,
        corrected=corrected,
        watermark=watermark,
        lines=lines,
        unpriced=unpriced,
        not_charged=not_charged(at_terms(tenant, terms), terms, watermark),
    )
