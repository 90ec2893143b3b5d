"""An invoice or credit note as it is booked: owed by the customer, earned by charge.

One that became void later stands here as it was issued: what was booked once is never unsaid, it is
reversed when that was found out.
"""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from decimal import Decimal

from billing.exports.accounts import account
from billing.exports.invoice_rows import booked_lines, by_invoice
from billing.exports.journals.entry import Entry, EntryLine
from billing.models import Invoice, InvoiceLine
from billing.rating.money import EXACT, ZERO
from metering.models import Tenant

Kind = InvoiceLine.Kind


def document_entries(tenant: Tenant, month: str) -> Iterator[Entry]:
    """The entries of a month's documents, but for those of nothing."""
    for invoice, lines in by_invoice(booked_lines(tenant, month)):
        found = [_owed(invoice), *earned_lines(invoice, lines)]
        entry = Entry(
            number=str(invoice.number),
            date=_last_day(invoice),
            month=month,
            currency=invoice.currency,
            tenant=tenant,
            lines=tuple(line for line in found if line.amount),
        )
        if entry.lines:
            yield entry


def _owed(invoice: Invoice) -> EntryLine:
    return EntryLine(
        account=account("receivable"),
        amount=invoice.amount_due,
        memo=f"{invoice.get_kind_display()} {invoice.number}",
        receivable=True,
    )


def earned_lines(invoice: Invoice, lines: Iterable[InvoiceLine]) -> Iterator[EntryLine]:
    """All of a document but what is owed for it."""
    yield EntryLine(
        account=account("prepaid"),
        amount=invoice.credits_applied,
        memo=f"Prepaid credit on {invoice.number}",
    )
    yield from _of_charges(lines)
    yield EntryLine(account=account("tax"), amount=-invoice.tax, memo=f"Tax on {invoice.number}")


def _of_charges(lines: Iterable[InvoiceLine]) -> Iterator[EntryLine]:
    """A line for each charge, and one for what it corrects of each earlier invoice."""
    sums: dict[tuple[str, str, str], Decimal] = {}
    for line in lines:
        what = "discount" if line.kind == Kind.COUPON else "revenue"
        key = (what, line.code, str(line.corrects.number) if line.corrects else "")
        sums[key] = EXACT.add(sums.get(key, ZERO), line.amount)
    for (what, code, corrects), amount in sums.items():
        memo = f"{code}, correction of {corrects}" if corrects else code
        yield EntryLine(account=account(what, code), amount=-amount, memo=memo, charge=code)


def _last_day(invoice: Invoice) -> date:
    """Revenue belongs to the month that was billed, whenever the invoice was made."""
    return (invoice.month + timedelta(days=31)).replace(day=1) - timedelta(days=1)
