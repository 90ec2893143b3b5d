"""Prepaid credit as it is kept: grants, and every movement of each; neither is ever changed."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from billing.fields import ExactDecimalField
from metering.models import Tenant


class CreditGrant(models.Model):
    """Money that a tenant may use for invoices in its currency, from a moment until another.

    `key` names the top-up: the same key again is the same grant.
    """

    # A grant without a word on it stands in the middle.
    USUAL_PRIORITY = 100

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="credit_grants")
    key = models.CharField(max_length=200)
    amount = ExactDecimalField()
    currency = models.CharField(max_length=3)
    # The lowest number is drawn first; see billing/rating/drawing.py.
    priority = models.PositiveSmallIntegerField(default=USUAL_PRIORITY)
    effective_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        app_label = "billing"
        ordering = ("pk",)
        constraints = (
            models.UniqueConstraint(fields=["tenant", "key"], name="one_grant_a_key"),
            models.CheckConstraint(
                condition=Q(expires_at=None) | Q(expires_at__gt=models.F("effective_at")),
                name="grant_begins_before_it_expires",
            ),
        )

    def __str__(self) -> str:
        return f"{self.key} of {self.tenant}"


class CreditMovement(models.Model):
    """A change of what is left of a grant; the first one is the grant itself.

    `sequence` counts a grant's movements, so two that were made from the same state cannot both be
    written; `key` says what it is for, so that nothing is booked twice.
    """

    class Kind(models.TextChoices):
        GRANTED = "granted"
        DRAWN = "drawn"
        RETURNED = "returned"
        EXPIRED = "expired"
        WITHDRAWN = "withdrawn"

    grant = models.ForeignKey(CreditGrant, on_delete=models.PROTECT, related_name="movements")
    sequence = models.PositiveIntegerField()
    key = models.CharField(max_length=200)
    kind = models.CharField(max_length=20, choices=Kind.choices)
    amount = ExactDecimalField()
    # What is left of the grant after it.
    left = ExactDecimalField()
    invoice = models.ForeignKey(
        "billing.Invoice",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="credit_movements",
    )
    moment = models.DateTimeField(default=timezone.now)

    class Meta:
        app_label = "billing"
        ordering = ("pk",)
        constraints = (
            models.UniqueConstraint(fields=["grant", "sequence"], name="movement_sequence"),
            models.UniqueConstraint(fields=["grant", "key"], name="movement_once"),
            # SQLite compares the texts, and a minus sign sorts before every digit.
            models.CheckConstraint(condition=Q(left__gte=0), name="never_below_zero"),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.amount:f} of {self.grant}"
