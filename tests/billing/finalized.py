"""Finalized invoices without a plan and events behind them, for what comes after finalizing."""

import itertools
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from billing.models import Invoice, InvoiceLine
from billing.rating.money import round_money
from metering.models import Tenant

START, END = datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)
FINALIZED_AT = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
_numbers = itertools.count(1)


def finalized_invoice(
    tenant: Tenant, amounts: Sequence[str] = ("100.00",), tax_percent: str = "0", **fields: Any
) -> Invoice:
    """October's, with a line for each amount."""
    currency, corrects = tenant.currency, fields.pop("corrects", None)
    subtotal = round_money(sum(map(Decimal, amounts), Decimal(0)), currency)
    tax = round_money(subtotal * Decimal(tax_percent) / 100, currency)
    total = subtotal + tax
    series = "CN" if total < 0 else "INV"
    fields = {
        "kind": "credit_note" if total < 0 else "invoice",
        "month": date(2026, 10, 1),
        "number": f"{series}-2026-{next(_numbers):06d}",
    } | fields
    invoice = Invoice.objects.create(
        tenant=tenant,
        currency=currency,
        period_start=START,
        period_end=END,
        tax_percent=Decimal(tax_percent),
        subtotal=subtotal,
        tax=tax,
        total=total,
        watermark=FINALIZED_AT,
        snapshot={},
        **fields | {"number": None},
    )
    for position, amount in enumerate(amounts, start=1):
        _line(invoice, position, amount, corrects)
    Invoice.objects.filter(pk=invoice.pk).update(
        status="finalized", number=fields["number"], finalized_at=FINALIZED_AT
    )
    return Invoice.objects.get(pk=invoice.pk)


def _line(invoice: Invoice, position: int, amount: str, corrects: Invoice | None) -> InvoiceLine:
    return InvoiceLine.objects.create(
        invoice=invoice,
        position=position,
        code=f"calls-{position}",
        key="units",
        description=f"Calls {position}",
        quantity=Decimal(amount) * 2,
        unit="calls",
        unit_amount=Decimal("0.5"),
        exact_amount=Decimal(amount),
        amount=round_money(Decimal(amount), invoice.currency),
        period_start=START,
        period_end=END,
        corrects=corrects,
    )
