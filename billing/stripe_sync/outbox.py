"""The outbox: what Stripe has to learn is written down with what happened, and told later."""

from collections.abc import Iterable

from django.conf import settings
from django.db.models import F, QuerySet
from django.utils import timezone

from billing.models import Invoice
from billing.stripe_sync.records import StripePush

_BATCH = 500


def configured() -> bool:
    """Whether there is a Stripe to speak to."""
    return bool(settings.STRIPE_API_KEY)


def queue(invoices: Iterable[Invoice]) -> None:
    """In the transaction in which they became what they are. Nothing without a key."""
    if not configured():
        return
    keys = [invoice.pk for invoice in invoices]
    for n in range(0, len(keys), _BATCH):
        some = keys[n : n + _BATCH]
        rows = [StripePush(invoice_id=key) for key in some]
        StripePush.objects.bulk_create(rows, ignore_conflicts=True)
        StripePush.objects.filter(invoice__in=some).update(
            wanted=F("wanted") + 1,
            state=StripePush.State.WAITING,
            due_at=timezone.now(),
            attempts=0,
        )


def waiting(month: str = "") -> "QuerySet[StripePush]":
    """What has not been pushed, the dead ones too."""
    rows = StripePush.objects.exclude(state=StripePush.State.DONE).select_related("invoice__tenant")
    return rows.filter(invoice__month=f"{month}-01") if month else rows
