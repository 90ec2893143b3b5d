"""A month's charges after FOCUS (finops.org), so that any cost tool can read them.

A row for each line of an invoice, exact; one for what rounding to the coin adds or takes; one for
the tax. They sum to the invoice's total. Of a draft the InvoiceId is empty.
"""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from billing.exports.ask import Ask
from billing.exports.csv_writer import Cell, Pointed
from billing.exports.focus_charge import ADJUSTMENT, TAX, FocusCharge, focus_charge
from billing.exports.focus_columns import COLUMNS
from billing.exports.focus_details import line_details
from billing.exports.invoice_rows import by_invoice, month_lines
from billing.exports.sku import PLATFORM, Skus
from billing.models import Invoice, InvoiceLine
from billing.parties import frozen_parties
from billing.rating.money import EXACT, ZERO, plain
from metering.models import Tenant

Cells = dict[str, Cell]
# Who sells must have a name here, also where no SELLER_NAME is set.
NAMELESS = "Daybook"
_OPERATOR = (
    "HostProviderName",
    "InvoiceIssuerName",
    "ProviderName",
    "PublisherName",
    "ServiceProviderName",
)


def columns(ask: Ask) -> tuple[str, ...]:
    """Those of the version asked for."""
    return COLUMNS[ask.focus_version]


def rows(tenant: Tenant, ask: Ask) -> Iterator[tuple[Cell, ...]]:
    """The tenant's rows in the order of the invoices."""
    names, skus = columns(ask), Skus()
    for invoice, lines in by_invoice(month_lines(tenant, ask.month)):
        for cells in _invoice_rows(tenant, invoice, lines, skus):
            yield tuple(cells.get(name) for name in names)


def _invoice_rows(
    tenant: Tenant, invoice: Invoice, lines: Iterator[InvoiceLine], skus: Skus
) -> Iterator[Cells]:
    head, exact = _head(tenant, invoice), ZERO
    for line in lines:
        charge = focus_charge(line)
        exact = EXACT.add(exact, charge.cost)
        yield head | _charge(charge) | _of_line(line) | line_details(line, charge, skus.of(line))
    whole = _period(invoice.period_start, invoice.period_end)
    rounding = EXACT.subtract(invoice.subtotal, exact)
    if rounding:
        charge = FocusCharge(category=ADJUSTMENT, frequency="One-Time", cost=rounding)
        said = f"Rounding of the lines to the coin of {invoice.currency}"
        yield head | _charge(charge) | whole | {"ChargeDescription": said}
    if invoice.tax:
        charge = FocusCharge(category=TAX, frequency="One-Time", cost=invoice.tax)
        said = f"Tax of {plain(invoice.tax_percent)} %"
        yield head | _charge(charge) | whole | {"ChargeDescription": said}


def _head(tenant: Tenant, invoice: Invoice) -> Cells:
    """What all rows of an invoice have."""
    operator = frozen_parties(tenant, invoice.parties).seller.name or NAMELESS
    category, subcategory = PLATFORM
    return {
        **dict.fromkeys(_OPERATOR, operator),
        "BillingAccountId": tenant.slug,
        "BillingAccountName": tenant.name or None,
        "BillingAccountType": "Tenant",
        "BillingCurrency": invoice.currency,
        "BillingPeriodStart": invoice.period_start,
        "BillingPeriodEnd": invoice.period_end,
        "InvoiceId": invoice.number,
        "ServiceCategory": category,
        "ServiceSubcategory": subcategory,
        "ServiceName": f"{operator} agent platform",
        "x_InvoiceStatus": invoice.status,
    }


def _charge(charge: FocusCharge) -> Cells:
    """List and contracted prices are the same: a plan is the only price list there is."""
    price = charge.price
    cost = dict.fromkeys(
        ("BilledCost", "EffectiveCost", "ListCost", "ContractedCost"), Pointed(charge.cost)
    )
    each = pointed(price.unit_price)
    return {
        **cost,
        "ChargeCategory": charge.category,
        "ChargeFrequency": charge.frequency,
        "ContractedUnitPrice": each,
        "ListUnitPrice": each,
        "PricingCategory": charge.pricing,
        "PricingQuantity": pointed(price.quantity),
        "PricingUnit": price.unit,
    }


def _of_line(line: InvoiceLine) -> Cells:
    corrected = line.corrects
    return {
        **_period(line.period_start, line.period_end),
        "ChargeClass": "Correction" if corrected else None,
        "ChargeDescription": line.description,
        "x_CorrectedInvoiceId": corrected.number if corrected else None,
        "x_InvoiceLine": line.position,
        "x_LineCode": line.code,
        "x_LineKey": line.key,
    }


def _period(start: datetime, end: datetime) -> Cells:
    return {"ChargePeriodStart": start, "ChargePeriodEnd": end}


def pointed(number: Decimal | None) -> Pointed | None:
    """A decimal cell, or an empty one."""
    return None if number is None else Pointed(number)
