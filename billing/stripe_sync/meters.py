"""Quantities to Stripe's meters, where charges are named in STRIPE_METERS."""

from decimal import Decimal

from django.conf import settings
from django.utils import timezone

from billing.models import Invoice
from billing.rating.money import EXACT, ZERO, plain
from billing.stripe_sync.attempt import Attempt
from billing.stripe_sync.remote import RemoteInvoice

# Older ones Stripe does not take.
_MOST_SECONDS = 34 * 24 * 3600


def report(attempt: Attempt, theirs: RemoteInvoice) -> None:
    """What the invoice's charges counted, once each, at the end of its period."""
    for code, meter in settings.STRIPE_METERS.items():
        if code in attempt.push.metered:
            continue
        quantity = _quantity(attempt.invoice, code)
        if quantity > ZERO:
            _send(attempt, meter, code, quantity, theirs.customer or "")
        attempt.push.note(metered=[*attempt.push.metered, code])


def _send(attempt: Attempt, meter: str, code: str, quantity: Decimal, customer: str) -> None:
    now = int(timezone.now().timestamp())
    ended = int(attempt.invoice.period_end.timestamp()) - 1
    params = {
        "event_name": meter,
        # Stripe counts an identifier once.
        "identifier": f"{attempt.identity}-{code}"[:100],
        "payload": {"stripe_customer_id": customer, "value": plain(quantity)},
        "timestamp": max(ended, now - _MOST_SECONDS),
    }
    attempt.write(f"meter-{code}", lambda key: attempt.gateway.send_meter_event(key, params))


def _quantity(invoice: Invoice, code: str) -> Decimal:
    """Of the period itself; corrections belong to another one."""
    total = ZERO
    for line in invoice.lines.filter(code=code, corrects=None):
        total = EXACT.add(total, line.quantity)
    return total
