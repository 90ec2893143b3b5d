"""How an invoice stands: until when it is to be paid, what came in, and what is left."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from billing.models import Invoice
from billing.parties import due_date, frozen_parties, local_date
from billing.rating.money import EXACT, ZERO, round_money
from billing.timeline import local_midnight


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Amounts of a credit note are below zero, like its total: what is given back."""

    due: Decimal
    paid: Decimal
    # When the payment came that left nothing to pay; null until then.
    paid_at: datetime | None
    # The first moment after the last day for paying it; null where nothing was to be paid.
    due_at: datetime | None

    @property
    def remaining(self) -> Decimal:
        """What is still to be paid, and never less than nothing."""
        left = EXACT.subtract(self.due, self.paid)
        return left if _same_side(left, self.due) else EXACT.subtract(left, left)

    @property
    def overpaid(self) -> Decimal:
        """What came in and was not owed, also on an invoice that is void."""
        return EXACT.add(EXACT.subtract(self.paid, self.due), self.remaining)

    def overdue(self, now: datetime) -> bool:
        """Whether something is left that should have been paid before now."""
        return bool(self.remaining) and self.due_at is not None and self.due_at <= now


def standing(invoice: Invoice) -> Standing:
    """As its payments stand now; `prefetch_related("payments")` saves a query for each."""
    zero = round_money(ZERO, invoice.currency)
    due, paid, paid_at = owed(invoice), zero, None
    # One that is only previewed has no place to book a payment on.
    payments = invoice.payments.all() if invoice.pk else []
    for payment in sorted(payments, key=lambda payment: payment.pk):
        paid = EXACT.add(paid, payment.amount)
        if paid_at is None and not _same_side(EXACT.subtract(due, paid), due):
            paid_at = payment.paid_at
    return Standing(due=due, paid=paid, paid_at=paid_at, due_at=_due_at(invoice))


def owed(invoice: Invoice) -> Decimal:
    """What is to be paid in all: nothing of a draft or of one that is void."""
    counts = invoice.status not in {Invoice.Status.DRAFT, Invoice.Status.VOID}
    return invoice.amount_due if counts else round_money(ZERO, invoice.currency)


def invoice_zone(invoice: Invoice) -> str:
    """The time zone that the invoice was made in: the tenant may have moved since."""
    zone: str = invoice.snapshot.get("terms", {}).get("timezone", invoice.tenant.timezone)
    return zone


def _same_side(left: Decimal, due: Decimal) -> bool:
    """Whether something is left of what was due: neither nothing nor too much."""
    return left * due > ZERO


def _due_at(invoice: Invoice) -> datetime | None:
    """The day is of the tenant's calendar, and whole."""
    if invoice.finalized_at is None or invoice.amount_due <= ZERO:
        return None
    zone = invoice_zone(invoice)
    issued = local_date(invoice.finalized_at, zone)
    last = due_date(issued, frozen_parties(invoice.tenant, invoice.parties))
    return local_midnight(last + timedelta(days=1), zone)
