"""What follows from an event of Stripe's.

An event only says where to look: what counts is what Stripe answers now. So events may come in any
order, twice, late, or not at all where a later one comes.
"""

from typing import Any
from uuid import UUID

from billing.stripe_sync.gateway import Gateway, RefusedError
from billing.stripe_sync.incoming import bring_back, give_up_too
from billing.stripe_sync.records import StripeEvent, StripePush
from billing.stripe_sync.remote import RemoteInvoice

IGNORED, NOT_OURS = "ignored", "not of an invoice of ours"
# Where the object of an event has the id of its invoice.
_INVOICE_IN = {"invoice": "id", "invoice_payment": "invoice", "credit_note": "invoice"}


def handle(event: StripeEvent, gateway: Gateway) -> str:
    """What became of it, in a few words."""
    found = event.body.get("data", {}).get("object", {})
    field = _INVOICE_IN.get(found.get("object", ""))
    if field is None or event.type == "invoice.deleted":
        return IGNORED
    remote_id = _id(found.get(field))
    if remote_id is None:
        return IGNORED
    theirs = gateway.invoice(remote_id)
    push = _push_of(theirs)
    if push is None:
        return NOT_OURS
    booked = bring_back(push.invoice, theirs, gateway.payments(theirs.id))
    push.invoice.refresh_from_db()
    give_up_too(push.invoice, theirs)
    return "; ".join(booked) or f"nothing new: {theirs.status} at Stripe"


def _push_of(theirs: RemoteInvoice) -> StripePush | None:
    """Ours by the identity that it was made with, which no other invoice at Stripe has."""
    try:
        identity = UUID(theirs.identity)
    except ValueError:
        return None
    rows = StripePush.objects.select_related("invoice__tenant").filter(identity=identity)
    push = rows.first()
    if push is None:
        return None
    if not push.remote_id:
        # We died, or were slow, between Stripe's answer and noting it.
        rows.filter(remote_id="").update(remote_id=theirs.id)
    elif push.remote_id != theirs.id:
        raise RefusedError(f"{push.invoice} is {push.remote_id} at Stripe, and {theirs.id} says so")
    return push


def _id(value: Any) -> str | None:
    """An id, also where the object stands in its place."""
    if isinstance(value, dict):
        value = value.get("id")
    return value if isinstance(value, str) and value else None
