"""The customer at Stripe that stands for a tenant: made once, found again if need be."""

from datetime import timedelta

from django.db.models import F

from billing.models import Invoice
from billing.parties import frozen_parties
from billing.stripe_sync.attempt import Attempt
from billing.stripe_sync.gateway import RefusedError, TryLaterError
from billing.stripe_sync.records import StripeCustomer
from billing.stripe_sync.remote import RemoteCustomer

# Clocks differ; what was made for us is not much older than our row.
MARGIN = timedelta(hours=1)


def customer_of(attempt: Attempt) -> str:
    """Its id. Raises RefusedError where invoices to it would not ask for what they say."""
    ours, made = StripeCustomer.objects.get_or_create(tenant=attempt.invoice.tenant)
    if ours.remote_id:
        theirs = attempt.read(lambda: attempt.gateway.customer(ours.remote_id or ""))
    else:
        theirs = (None if made else _find(attempt, ours)) or _create(attempt, ours)
        StripeCustomer.objects.filter(pk=ours.pk, remote_id=None).update(remote_id=theirs.id)
    if theirs.deleted:
        raise RefusedError(f"the customer {theirs.id} of {ours.tenant} was deleted at Stripe")
    if theirs.balance:
        raise RefusedError(
            f"the customer {theirs.id} has a balance at Stripe, which would change what the"
            " invoice asks for; bring it to zero there"
        )
    return theirs.id


def _find(attempt: Attempt, ours: StripeCustomer) -> RemoteCustomer | None:
    """Whether an attempt that was cut short has made it."""
    since = (ours.created_at - MARGIN).timestamp()
    for theirs in attempt.read(attempt.gateway.customers):
        if theirs.created < since:
            return None
        if theirs.metadata.get("daybook_id") == str(ours.identity):
            return theirs
    return None


def _create(attempt: Attempt, ours: StripeCustomer) -> RemoteCustomer:
    invoice: Invoice = attempt.invoice
    them = frozen_parties(invoice.tenant, invoice.parties).customer
    params = {
        "name": them.name,
        "metadata": {"daybook_id": str(ours.identity), "daybook_tenant": invoice.tenant.slug},
    }
    if them.email:
        params["email"] = them.email
    attempt.push.renew()
    # The key is the customer's: two invoices of one tenant, pushed at once, make one of them.
    key = f"daybook:{ours.identity}:{ours.round}:customer"
    try:
        return attempt.gateway.create_customer(key, params)
    except (RefusedError, TryLaterError) as error:
        if error.answered:
            StripeCustomer.objects.filter(pk=ours.pk).update(round=F("round") + 1)
        raise
