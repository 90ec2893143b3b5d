"""A credit note of ours at Stripe: on the invoices that it corrects, as far as each goes.

What it takes off an open invoice is booked here on both: the invoice needs that much less, the
credit note is settled by that much. What is left is given back outside of Stripe.
"""

from collections.abc import Iterator
from decimal import Decimal
from functools import partial

from django.utils import timezone

from billing.life_cycle import Paid, record_payment
from billing.models import Invoice
from billing.standing import standing
from billing.stripe_sync.amounts import from_stripe, to_stripe
from billing.stripe_sync.attempt import Attempt
from billing.stripe_sync.gateway import RefusedError, TryLaterError
from billing.stripe_sync.lines import Params
from billing.stripe_sync.records import StripePush
from billing.stripe_sync.remote import RemoteCreditNote, RemoteInvoice

_OPEN = {"open", "paid", "uncollectible"}


def push(attempt: Attempt) -> None:
    """All of it, on as few invoices as can bear it. Raises RefusedError."""
    if attempt.invoice.status == Invoice.Status.VOID:
        for bearer in _bearers(attempt.invoice):
            for note in _ours(attempt, bearer):
                _void(attempt, note)
        return
    _wait_for_corrected(attempt.invoice)
    left = -to_stripe(attempt.invoice.amount_due, attempt.invoice.currency)
    for bearer in _bearers(attempt.invoice):
        for note in _ours(attempt, bearer):
            left -= note.total
            _offset(attempt, bearer, note)
        theirs = attempt.read(partial(attempt.gateway.invoice, bearer.remote_id))
        amount = min(left, _bearable(theirs))
        if amount > 0:
            _offset(attempt, bearer, _create(attempt, theirs, bearer, amount))
            left -= amount
        if not left:
            return
    raise RefusedError(
        f"{attempt.invoice}: no invoice at Stripe can bear the last"
        f" {from_stripe(left, attempt.invoice.currency):f} {attempt.invoice.currency} of it"
    )


def _wait_for_corrected(note: Invoice) -> None:
    corrected = note.lines.exclude(corrects=None).values("corrects")
    waiting = StripePush.objects.filter(invoice__in=corrected, state=StripePush.State.WAITING)
    if (first := waiting.select_related("invoice").first()) is not None:
        raise TryLaterError(f"{note} waits until {first.invoice} is at Stripe")


def _bearers(note: Invoice) -> Iterator[StripePush]:
    """Those that it corrects first, then the tenant's others, the latest first."""
    pushed = StripePush.objects.select_related("invoice__tenant").exclude(remote_id="")
    own = pushed.filter(invoice__tenant=note.tenant, invoice__kind=Invoice.Kind.INVOICE)
    own = own.exclude(invoice__status=Invoice.Status.VOID).order_by("-invoice__month")
    corrected = set(note.lines.exclude(corrects=None).values_list("corrects", flat=True))
    yield from own.filter(invoice__in=corrected)
    yield from own.exclude(invoice__in=corrected)


def _ours(attempt: Attempt, bearer: StripePush) -> list[RemoteCreditNote]:
    """Those that an earlier attempt made on this invoice."""
    notes = attempt.read(lambda: list(attempt.gateway.credit_notes(invoice=bearer.remote_id)))
    return [n for n in notes if n.identity == attempt.identity and n.status != "void"]


def _bearable(theirs: RemoteInvoice) -> int:
    """What of an invoice has not been taken off it yet."""
    if theirs.status not in _OPEN:
        return 0
    taken = theirs.pre_payment_credit_notes_amount + theirs.post_payment_credit_notes_amount
    return theirs.total - taken


def _create(
    attempt: Attempt, theirs: RemoteInvoice, bearer: StripePush, amount: int
) -> RemoteCreditNote:
    params: Params = {
        "invoice": theirs.id,
        "amount": amount,
        "email_type": "none",
        "memo": f"Credit note {attempt.invoice.number}",
        "metadata": {
            "daybook_id": attempt.identity,
            "daybook_number": attempt.invoice.number,
            "daybook_tenant": attempt.invoice.tenant.slug,
            "daybook_month": f"{attempt.invoice.month:%Y-%m}",
        },
    }
    # Beyond what is still to be paid, money goes back: not by Stripe, which would do so unasked.
    returned = amount - max(theirs.amount_remaining, 0)
    if returned > 0:
        params["out_of_band_amount"] = returned
    made = attempt.write(
        f"credit-{bearer.invoice.number}",
        lambda key: attempt.gateway.create_credit_note(key, params),
    )
    known = attempt.push.remote_id.split()
    if made.id not in known:
        attempt.push.note(remote_id=" ".join([*known, made.id])[:255], begun=True)
    return made


def _offset(attempt: Attempt, bearer: StripePush, note: RemoteCreditNote) -> None:
    """What the invoice was made smaller by, on both sides of our books."""
    if not note.pre_payment_amount:
        return
    taken = from_stripe(note.pre_payment_amount, attempt.invoice.currency)
    invoice = Invoice.objects.select_related("tenant").get(pk=bearer.invoice_id)
    _book(invoice, taken, f"stripe:{note.id}:invoice", str(attempt.invoice.number))
    _book(attempt.invoice, taken.copy_negate(), f"stripe:{note.id}:note", str(invoice.number))


def _book(invoice: Invoice, amount: Decimal, key: str, reference: str) -> None:
    record_payment(
        invoice,
        Paid(
            key=key,
            amount=amount,
            currency=invoice.currency,
            method="credit note",
            reference=reference,
            paid_at=timezone.now(),
        ),
        keep_rest=True,
    )


def _void(attempt: Attempt, note: RemoteCreditNote) -> None:
    """Only one that took nothing off can be void here, so none of it is booked."""
    if standing(attempt.invoice).paid:
        raise RefusedError(f"{attempt.invoice} is settled in part and cannot be void at Stripe")
    attempt.write(f"void-{note.id}", lambda key: attempt.gateway.void_credit_note(key, note.id))
