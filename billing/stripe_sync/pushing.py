"""Bring an invoice at Stripe to what it is here. Whatever was done before is found and left.

Not a list of messages but a look at both sides: so the order in which things happened, and how
often a worker was killed on the way, makes no difference.
"""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from billing.models import Invoice
from billing.standing import standing
from billing.stripe_sync import credit_notes, meters
from billing.stripe_sync.amounts import NotRepresentableError, to_stripe
from billing.stripe_sync.attempt import Attempt
from billing.stripe_sync.customers import MARGIN, customer_of
from billing.stripe_sync.gateway import RefusedError
from billing.stripe_sync.incoming import bring_back
from billing.stripe_sync.lines import Params, stripe_lines
from billing.stripe_sync.remote import RemoteInvoice

# Of one call.
_LINES_AT_ONCE = 100
_Status = Invoice.Status


def push(attempt: Attempt) -> None:
    """One invoice or credit note. Raises RefusedError or TryLaterError."""
    try:
        if attempt.invoice.kind == Invoice.Kind.CREDIT_NOTE:
            credit_notes.push(attempt)
        else:
            _push_invoice(attempt)
    except NotRepresentableError as error:
        raise RefusedError(str(error)) from error


def _push_invoice(attempt: Attempt) -> None:
    theirs = _find(attempt)
    if attempt.invoice.status == _Status.VOID:
        _withdraw(attempt, theirs)
        return
    if theirs is None:
        # Refused before anything is there, where Stripe cannot be told the amount.
        to_stripe(attempt.invoice.amount_due, attempt.invoice.currency)
        theirs = _create(attempt)
    if theirs.status == "draft":
        theirs = _finalize(attempt, _fill(attempt, theirs))
    _check(attempt, theirs)
    _settle(attempt, theirs)
    meters.report(attempt, theirs)


def _find(attempt: Attempt) -> RemoteInvoice | None:
    """By the id that was noted, or by ours among those that an attempt cut short may have made."""
    push, gateway = attempt.push, attempt.gateway
    if push.remote_id:
        return attempt.read(lambda: gateway.invoice(push.remote_id))
    if not push.begun:
        return None
    since = (push.created_at - MARGIN).timestamp()
    for theirs in attempt.read(lambda: gateway.invoices(customer=customer_of(attempt))):
        if theirs.created < since:
            return None
        if theirs.identity == attempt.identity:
            push.note(remote_id=theirs.id)
            return theirs
    return None


def _create(attempt: Attempt) -> RemoteInvoice:
    params = _params(attempt.invoice, customer_of(attempt), attempt.identity)
    attempt.push.note(begun=True)
    theirs = attempt.write("invoice", lambda key: attempt.gateway.create_invoice(key, params))
    attempt.push.note(remote_id=theirs.id)
    return theirs


def _params(invoice: Invoice, customer: str, identity: str) -> Params:
    """Stripe changes nothing by itself: no tax of its own, no other items, no advancing."""
    params: Params = {
        "customer": customer,
        "currency": invoice.currency.lower(),
        "number": invoice.number,
        "auto_advance": False,
        "pending_invoice_items_behavior": "exclude",
        "discounts": "",
        "collection_method": settings.STRIPE_COLLECTION,
        "description": f"{invoice.period_start:%F} to {invoice.period_end:%F}",
        "metadata": {
            "daybook_id": identity,
            "daybook_number": invoice.number,
            "daybook_tenant": invoice.tenant.slug,
            "daybook_month": f"{invoice.month:%Y-%m}",
        },
    }
    if settings.STRIPE_COLLECTION == "send_invoice":
        params |= _terms(standing(invoice).due_at)
    return params


def _terms(due_at: datetime | None) -> dict[str, Any]:
    """A day that is over already, as when Stripe is told late, is none that Stripe takes."""
    if due_at is None or due_at <= timezone.now() + timedelta(hours=1):
        return {"days_until_due": 0}
    return {"due_date": int(due_at.timestamp()) - 1}


def _fill(attempt: Attempt, theirs: RemoteInvoice) -> RemoteInvoice:
    """Add the lines that are not there yet."""
    there = {
        (line.metadata or {}).get("daybook_line")
        for line in attempt.read(lambda: list(attempt.gateway.lines(theirs.id)))
    }
    lines = stripe_lines(attempt.invoice)
    missing = [line for line in lines if line["metadata"]["daybook_line"] not in there]
    for n in range(0, len(missing), _LINES_AT_ONCE):
        some = missing[n : n + _LINES_AT_ONCE]
        _add(attempt, theirs.id, some)
    return attempt.read(lambda: attempt.gateway.invoice(theirs.id)) if missing else theirs


def _add(attempt: Attempt, remote_id: str, lines: list[Params]) -> None:
    step = f"lines-{lines[0]['metadata']['daybook_line']}"
    attempt.write(step, lambda key: attempt.gateway.add_lines(key, remote_id, lines))


def _finalize(attempt: Attempt, theirs: RemoteInvoice) -> RemoteInvoice:
    """Only what says the same there as here; from then on it cannot be changed there either."""
    _check(attempt, theirs)
    return attempt.write("finalize", lambda key: attempt.gateway.finalize(key, theirs.id))


def _check(attempt: Attempt, theirs: RemoteInvoice) -> None:
    invoice = attempt.invoice
    ours = to_stripe(invoice.amount_due, invoice.currency)
    if (theirs.total, theirs.currency.upper()) != (ours, invoice.currency):
        raise RefusedError(
            f"{invoice} is over {ours} {invoice.currency} in Stripe's units, and {theirs.id} at"
            f" Stripe over {theirs.total} {theirs.currency.upper()}; it was left as it is"
        )


def _settle(attempt: Attempt, theirs: RemoteInvoice) -> None:
    """Money that moved there is booked here; then what is over here is over there."""
    bring_back(attempt.invoice, theirs, attempt.read(lambda: attempt.gateway.payments(theirs.id)))
    invoice, gateway = attempt.invoice, attempt.gateway
    invoice.refresh_from_db()
    if theirs.status not in {"open", "uncollectible"}:
        return
    if invoice.status == _Status.PAID:
        attempt.write("paid", lambda key: gateway.pay(key, theirs.id, out_of_band=True))
    elif invoice.status == _Status.UNCOLLECTIBLE and theirs.status == "open":
        attempt.write("uncollectible", lambda key: gateway.mark_uncollectible(key, theirs.id))
    elif _charges(invoice, theirs):
        paid = attempt.write("charge", lambda key: gateway.pay(key, theirs.id, out_of_band=False))
        bring_back(invoice, paid, attempt.read(lambda: gateway.payments(theirs.id)))


def _charges(invoice: Invoice, theirs: RemoteInvoice) -> bool:
    """Whether the customer's card is charged by us, as Stripe does not advance by itself."""
    automatic = settings.STRIPE_COLLECTION == "charge_automatically"
    return automatic and invoice.status == _Status.FINALIZED and theirs.amount_remaining > 0


def _withdraw(attempt: Attempt, theirs: RemoteInvoice | None) -> None:
    """What is void here: gone if nobody saw it there, else void there too."""
    if theirs is None or theirs.status == "void":
        return
    if theirs.status == "draft":
        attempt.read(lambda: attempt.gateway.delete_draft(theirs.id))
        attempt.push.note(remote_id="", begun=False)
        return
    if theirs.status == "paid":
        raise RefusedError(f"{attempt.invoice} is void here, and {theirs.id} was paid at Stripe")
    attempt.write("void", lambda key: attempt.gateway.void(key, theirs.id))
