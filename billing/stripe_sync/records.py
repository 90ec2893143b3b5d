"""What is known here of Stripe's side: customers, invoices to push, and events that came."""

from uuid import uuid4

from django.db import models
from django.db.models import Q

from billing.stripe_sync.queued import Queued
from metering.models import Tenant


class StripeCustomer(models.Model):
    """A tenant at Stripe. Whoever has a customer there already may write its id here."""

    tenant = models.OneToOneField(Tenant, on_delete=models.PROTECT, related_name="stripe_customer")
    # Ours, which Stripe keeps with the customer and by which it is found again.
    identity = models.UUIDField(default=uuid4, unique=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    round = models.PositiveIntegerField(default=0, editable=False)
    remote_id = models.CharField(max_length=255, unique=True, null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.tenant} as {self.remote_id or 'nobody yet'}"


class StripePush(Queued):
    """The outbox: an invoice whose state Stripe has to learn; one row, however often that changes.

    `identity` and `round` make the idempotency keys. A key is kept while it is not known what
    became of a call, also when the process is killed; once Stripe has answered with an error the
    round is over, for Stripe would give the same answer again.
    """

    invoice = models.OneToOneField(
        "billing.Invoice", on_delete=models.PROTECT, related_name="stripe_push"
    )
    identity = models.UUIDField(default=uuid4, unique=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    # How often a change was asked to be pushed.
    wanted = models.PositiveIntegerField(default=0)
    round = models.PositiveIntegerField(default=0)
    # Whether Stripe may have been asked to create it.
    begun = models.BooleanField(default=False)
    remote_id = models.CharField(max_length=255, blank=True, db_index=True)
    # Codes of charges whose quantity went to a meter.
    metered = models.JSONField(default=list, blank=True)

    class Meta:
        ordering = ("-pk",)
        verbose_name_plural = "stripe pushes"
        indexes = (models.Index(fields=["state", "due_at"], name="stripe_push_due"),)

    def __str__(self) -> str:
        return f"{self.invoice} to Stripe"

    def unchanged(self) -> Q:
        return Q(wanted=self.wanted)


class StripeEvent(Queued):
    """A webhook's event, stored once and then handled once."""

    event_id = models.CharField(max_length=255, unique=True)
    type = models.CharField(max_length=255)
    created = models.DateTimeField()
    received_at = models.DateTimeField(auto_now_add=True)
    body = models.JSONField()
    outcome = models.TextField(blank=True)

    class Meta:
        ordering = ("-pk",)
        indexes = (models.Index(fields=["state", "due_at"], name="stripe_event_due"),)

    def __str__(self) -> str:
        return f"{self.type} {self.event_id}"
