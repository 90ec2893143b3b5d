"""A Stripe that is set up, and a tenant who is billed through it."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.conf import LazySettings
from django.db import transaction
from django.utils import timezone

from billing.models import Invoice
from billing.stripe_sync import outbox, worker
from billing.stripe_sync.records import StripeEvent, StripePush
from metering.models import Tenant
from tests.billing.finalized import finalized_invoice
from tests.billing.stripe.fake import SECRET, FakeStripe, serve

Queue = Callable[..., Invoice]


@pytest.fixture(scope="session")
def server() -> Iterator[tuple[FakeStripe, str]]:
    fake = FakeStripe()
    running, url = serve(fake)
    yield fake, url
    running.shutdown()
    running.server_close()


@pytest.fixture
def stripe(server: tuple[FakeStripe, str], settings: LazySettings) -> FakeStripe:
    """A fresh one, at the same address."""
    fake, url = server
    fake.__dict__.update(FakeStripe().__dict__)
    settings.STRIPE_API_KEY = "sk_test_key"
    settings.STRIPE_WEBHOOK_SECRET = SECRET
    settings.STRIPE_API_BASE = url
    return fake


@pytest.fixture
def acme(db: None) -> Tenant:
    return Tenant.objects.create(slug="acme", name="Acme GmbH")


@pytest.fixture
def queued(stripe: FakeStripe) -> Queue:
    """A finalized invoice in the outbox: `queued(tenant, ["1.00"], "6")`."""

    def make(tenant: Tenant, *arguments: object, **fields: object) -> Invoice:
        with transaction.atomic():
            invoice = finalized_invoice(tenant, *arguments, **fields)  # type: ignore[arg-type]
            outbox.queue([invoice])
        return invoice

    return make


@pytest.fixture
def work() -> Callable[[], int]:
    """Let the worker push and handle all that waits, its waits and leases over."""

    def run() -> int:
        over = timezone.now() - timedelta(seconds=1)
        for model in (StripePush, StripeEvent):
            model.objects.filter(state="waiting").update(due_at=over)
            model.objects.exclude(claim=None).update(claimed_until=over)
        return worker.push_due() + worker.handle_due()

    return run
