"""What the Celery worker does: push what is due to Stripe, handle the events that came from it."""

import logging
import time

from billing.life_cycle import NotAllowedError
from billing.models import Invoice
from billing.stripe_sync.attempt import Attempt
from billing.stripe_sync.gateway import Gateway, RefusedError, TryLaterError
from billing.stripe_sync.handling import handle
from billing.stripe_sync.outbox import configured
from billing.stripe_sync.pushing import push
from billing.stripe_sync.queued import LostClaimError, claim
from billing.stripe_sync.records import StripeEvent, StripePush

log = logging.getLogger(__name__)
# Of one run; the next one goes on.
SECONDS = 15.0


def push_due(seconds: float = SECONDS) -> int:
    """Push what is due, a row after the other, for about this long. How many were taken up."""
    return _work(StripePush, seconds)


def handle_due(seconds: float = SECONDS) -> int:
    """Handle the events that were stored."""
    return _work(StripeEvent, seconds)


def _work(model: type[StripePush] | type[StripeEvent], seconds: float) -> int:
    if not configured():
        return 0
    gateway, until, count = Gateway(), time.monotonic() + seconds, 0
    while time.monotonic() < until and (row := claim(model)) is not None:
        count += 1
        if not work_on(row, gateway):
            break
    return count


def work_on(row: StripePush | StripeEvent, gateway: Gateway) -> bool:
    """One claimed row. False where the others should wait too."""
    try:
        if isinstance(row, StripeEvent):
            row.note(outcome=handle(row, gateway))
        else:
            row.invoice = Invoice.objects.select_related("tenant").get(pk=row.invoice_id)
            push(Attempt(row, gateway))
    except (RefusedError, NotAllowedError) as error:
        log.warning("%s: %s", row, error)
        row.bury(str(error))
    except TryLaterError as error:
        row.postpone(str(error), error.seconds)
        return not error.stop
    except LostClaimError:
        return True
    else:
        row.finish()
    return True
