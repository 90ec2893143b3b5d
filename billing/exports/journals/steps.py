"""What becomes of a document after it was issued, as it is booked: paid, void, or given up.

Each step has an entry of its own on the day of the step, so that a journal which was exported is
never changed by it: money on the day it came, the others on the day they were decided.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from operator import itemgetter
from zoneinfo import ZoneInfo

from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.fields.json import KT

from billing.exports.accounts import account
from billing.exports.invoice_rows import CHUNK, NOT_NEEDED
from billing.exports.journals.documents import earned_lines
from billing.exports.journals.entry import Entry, EntryLine
from billing.models import Invoice
from billing.payments import InvoiceChange, Payment
from billing.rating.money import EXACT, ZERO
from billing.standing import Standing
from metering.models import Tenant
from metering.usage.period import month_period

_Status = Invoice.Status
# The others only say what the payments say.
_BOOKED = (_Status.VOID, _Status.UNCOLLECTIBLE)
# Money of no bank: what a credit note takes off an invoice of the same customer.
_OFFSET = "credit note"
_ZONES_DIFFER = timedelta(days=1)


def step_entries(tenant: Tenant, month: str) -> Iterator[Entry]:
    """The entries of the steps taken in a month, document by document.

    The day is that of the zone which the document was made in: the tenant may have moved since.
    """
    invoices = (
        moved_in(tenant, month)
        .annotate(zone=KT("snapshot__terms__timezone"))
        .defer(*NOT_NEEDED)
        .prefetch_related("payments", "changes")
        .order_by("month", "reason", "pk")
    )
    for invoice in invoices.iterator(chunk_size=CHUNK):
        clock = ZoneInfo(invoice.zone or tenant.timezone)
        for suffix, moment, lines in _steps(invoice):
            day = moment.astimezone(clock).date()
            found = tuple(line for line in lines if line.amount)
            if f"{day:%Y-%m}" == month and found:
                yield Entry(
                    number=f"{invoice.number}-{suffix}",
                    date=day,
                    month=month,
                    currency=invoice.currency,
                    tenant=tenant,
                    lines=found,
                )


def moved_in(tenant: Tenant, month: str) -> "QuerySet[Invoice]":
    """The documents with a step in the month, in whatever zone; perhaps a few more."""
    period = month_period(month, "UTC")
    around = (period.start - _ZONES_DIFFER, period.end + _ZONES_DIFFER)
    own = {"invoice": OuterRef("pk")}
    payments = Payment.objects.filter(**own, paid_at__range=around)
    changes = InvoiceChange.objects.filter(**own, moment__range=around, after__in=_BOOKED)
    return tenant.invoices.filter(Exists(payments) | Exists(changes))


def _steps(invoice: Invoice) -> Iterator[tuple[str, datetime, list[EntryLine]]]:
    """Each step with the end of its number and its time, in the order that we knew of them."""
    account_of = _Account(invoice)
    payments = sorted(invoice.payments.all(), key=lambda payment: payment.pk)
    changes = [change for change in invoice.changes.all() if change.after in _BOOKED]
    known: list[tuple[datetime, int, Payment | InvoiceChange]] = [
        *((one.recorded_at, number, one) for number, one in enumerate(payments, start=1)),
        *((one.moment, len(payments) + one.pk, one) for one in changes),
    ]
    for _, number, step in sorted(known, key=itemgetter(0, 1)):
        match step:
            case Payment():
                yield f"P{number}", step.paid_at, account_of.paid_by(step)
            case InvoiceChange(after=_Status.VOID):
                yield "V", step.moment, account_of.reversed()
            case InvoiceChange():
                yield "W", step.moment, account_of.given_up()


class _Account:
    """A document's balance: owed by the customer, and once it was given up, a loss."""

    def __init__(self, invoice: Invoice) -> None:
        self._invoice = invoice
        self._due, self._paid, self._lost = invoice.amount_due, ZERO, False

    def paid_by(self, payment: Payment) -> list[EntryLine]:
        """What comes in after all makes a loss smaller; what is too much is the customer's."""
        before = self._left()
        self._paid = EXACT.add(self._paid, payment.amount)
        regained = EXACT.subtract(before, self._left()) if self._lost else ZERO
        memo = f"{self._invoice.number} by {payment.method}, {payment.reference}"
        owed = EXACT.subtract(payment.amount, regained)
        if payment.method == _OFFSET:
            # The other document of the two has the rest: none of it is money of a bank.
            return [_loss(-regained, memo), _receivable(regained, memo)]
        bank = account("bank", payment.method)
        return [
            EntryLine(account=bank, amount=payment.amount, memo=memo),
            _loss(-regained, memo),
            _receivable(-owed, memo),
        ]

    def given_up(self) -> list[EntryLine]:
        memo = f"{self._invoice.number} uncollectible"
        self._lost = True
        return [_loss(self._left(), memo), _receivable(-self._left(), memo)]

    def reversed(self) -> list[EntryLine]:
        """All that was booked when it was issued the other way, and the loss with it."""
        memo = f"Void {self._invoice.number}"
        lost = self._left() if self._lost else ZERO
        owed = EXACT.subtract(self._due, lost)
        lines = self._invoice.lines.select_related("corrects").order_by("position")
        earned = earned_lines(self._invoice, lines.iterator(chunk_size=CHUNK))
        self._due, self._lost = ZERO, False
        return [
            _receivable(-owed, memo),
            _loss(-lost, memo),
            *(replace(line, amount=-line.amount, memo=f"Void: {line.memo}") for line in earned),
        ]

    def _left(self) -> Decimal:
        return Standing(due=self._due, paid=self._paid, paid_at=None, due_at=None).remaining


def _receivable(amount: Decimal, memo: str) -> EntryLine:
    return EntryLine(account=account("receivable"), amount=amount, memo=memo, receivable=True)


def _loss(amount: Decimal, memo: str) -> EntryLine:
    return EntryLine(account=account("bad_debt"), amount=amount, memo=memo)
