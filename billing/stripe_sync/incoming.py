"""What Stripe knows of an invoice's payments, booked here. Twice is as good as once."""

from collections.abc import Iterable
from datetime import UTC, datetime

from django.utils import timezone

from billing.life_cycle import Paid, mark_uncollectible, record_payment
from billing.models import Invoice
from billing.rating.money import EXACT
from billing.standing import standing
from billing.stripe_sync.amounts import from_stripe
from billing.stripe_sync.remote import RemoteInvoice, RemotePayment


def bring_back(
    invoice: Invoice, theirs: RemoteInvoice, payments: Iterable[RemotePayment]
) -> list[str]:
    """Book what came in for it; what was new, a phrase each.

    Money that Stripe moved is here whatever we say. What was settled there otherwise, by somebody
    who marked the invoice as paid, is booked as far as something is left here.
    """
    booked, moved = [], 0
    for payment in payments:
        if payment.status == "paid" and payment.payment.moved_by_stripe and payment.amount_paid:
            moved += payment.amount_paid
            booked += _book(invoice, _paid(payment), keep_rest=True)
    if theirs.status == "paid":
        elsewhere = theirs.total - theirs.pre_payment_credit_notes_amount - moved
        booked += _book_elsewhere(invoice, theirs, elsewhere)
    return booked


def give_up_too(invoice: Invoice, theirs: RemoteInvoice) -> None:
    """Stripe's own dunning, or somebody there, gave it up."""
    if theirs.status == "uncollectible" and invoice.status == Invoice.Status.FINALIZED:
        mark_uncollectible(
            invoice, key=f"stripe:{theirs.id}:uncollectible", reason="uncollectible at Stripe"
        )


def _paid(payment: RemotePayment) -> Paid:
    at = payment.status_transitions.paid_at or payment.created
    currency = payment.currency.upper()
    return Paid(
        key=f"stripe:{payment.id}",
        amount=from_stripe(payment.amount_paid or 0, currency),
        currency=currency,
        method="stripe",
        reference=payment.payment.reference or payment.id,
        paid_at=datetime.fromtimestamp(at, UTC),
    )


def _book_elsewhere(invoice: Invoice, theirs: RemoteInvoice, amount: int) -> list[str]:
    current = Invoice.objects.select_related("tenant").get(pk=invoice.pk)
    left = standing(current).remaining
    if amount <= 0 or left <= 0:
        return []
    paid = Paid(
        key=f"stripe:{theirs.id}:elsewhere",
        amount=min(left, from_stripe(amount, invoice.currency)),
        currency=invoice.currency,
        method="outside stripe",
        reference=theirs.id,
        paid_at=timezone.now(),
    )
    return _book(invoice, paid, keep_rest=False)


def _book(invoice: Invoice, paid: Paid, *, keep_rest: bool) -> list[str]:
    known = invoice.payments.filter(key=paid.key).exists()
    record_payment(invoice, paid, keep_rest=keep_rest)
    amount = EXACT.plus(paid.amount)
    return [] if known else [f"booked {amount:f} {paid.currency}"]
