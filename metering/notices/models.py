"""Whom a tenant's alerts are sent to, what is to be sent, and what became of it."""

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import models
from django.utils import timezone

from metering.notices.webhook import new_secret
from metering.validators import validate_http_url


class AlertChannel(models.Model):
    """An e-mail address, or an address that is posted to; the secret signs what is posted."""

    EMAIL, WEBHOOK = "email", "webhook"
    KINDS = [(EMAIL, "e-mail"), (WEBHOOK, "webhook")]

    tenant = models.ForeignKey(
        "metering.Tenant", on_delete=models.CASCADE, related_name="alert_channels"
    )
    kind = models.CharField(max_length=16, choices=KINDS)
    address = models.CharField(max_length=1000)
    secret = models.CharField(max_length=100, default=new_secret, editable=False)
    enabled = models.BooleanField(default=True)

    class Meta:
        app_label = "metering"
        ordering = ["tenant", "kind", "address"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "kind", "address"], name="one_alert_channel")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.address} of {self.tenant}"

    def clean(self) -> None:
        check = validate_email if self.kind == self.EMAIL else validate_http_url
        try:
            check(self.address)
        except ValidationError as error:
            raise ValidationError({"address": error.messages}) from None


class Notice(models.Model):
    """Something a tenant is told once; `key` says what, so that it is not told again."""

    tenant = models.ForeignKey("metering.Tenant", on_delete=models.CASCADE, related_name="notices")
    key = models.CharField(max_length=200)
    kind = models.CharField(max_length=40)
    subject = models.CharField(max_length=200)
    text = models.TextField()
    data = models.JSONField(default=dict)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        app_label = "metering"
        ordering = ["-pk"]
        constraints = [models.UniqueConstraint(fields=["tenant", "key"], name="told_once")]

    def __str__(self) -> str:
        return self.subject


class Delivery(models.Model):
    """A notice on its way to a channel; `due_at` is null once it has arrived or was given up."""

    notice = models.ForeignKey(Notice, on_delete=models.CASCADE, related_name="deliveries")
    channel = models.ForeignKey(AlertChannel, on_delete=models.CASCADE, related_name="deliveries")
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(null=True, db_index=True, default=timezone.now)
    delivered_at = models.DateTimeField(null=True)
    last_error = models.TextField(blank=True)

    class Meta:
        app_label = "metering"
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["notice", "channel"], name="one_delivery_a_channel")
        ]

    def __str__(self) -> str:
        return f"{self.notice} to {self.channel}"
