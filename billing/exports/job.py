"""A file that is too long to wait for: written by a worker, kept for a while."""

import uuid
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.core.signing import Signer
from django.db import models
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from billing.exports.ask import Ask, read_ask
from metering.models import Tenant

# A worker says that it is alive far more often; one that does not for so long was killed.
STALE = timedelta(minutes=2)


class ExportJob(models.Model):
    """A file of one tenant, from being asked for until it is removed again."""

    class Status(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"
        EXPIRED = "expired"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="exports")
    kind = models.CharField(max_length=20)
    month = models.CharField(max_length=7)
    options = models.JSONField(default=dict, blank=True)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.QUEUED)
    actor = models.CharField(max_length=200)
    # Counted by every worker that takes it up: one that was given up for dead finds it changed.
    attempt = models.PositiveIntegerField(default=0)
    rows = models.PositiveBigIntegerField(default=0)
    expected_rows = models.PositiveBigIntegerField(null=True)
    size = models.PositiveBigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True)
    problem = models.TextField(blank=True)
    created_at = models.DateTimeField()
    alive_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)

    OPEN = (Status.QUEUED, Status.RUNNING)

    class Meta:
        ordering = ("-created_at", "pk")
        indexes = (models.Index(fields=["status", "alive_at"], name="export_job_status"),)

    def __str__(self) -> str:
        return f"{self.kind} {self.month} of {self.tenant}, {self.status}"

    @property
    def ask(self) -> Ask:
        options: Mapping[str, str] = self.options
        return read_ask(self.kind, self.month, options)

    @property
    def open(self) -> bool:
        return self.status in self.OPEN

    @property
    def available(self) -> bool:
        """Whether there is a file to be had."""
        until = self.expires_at
        return self.status == self.Status.DONE and until is not None and timezone.now() < until

    @property
    def path(self) -> Path:
        return export_folder() / f"{self.pk}.csv"

    @property
    def part_path(self) -> Path:
        """Where this attempt writes; no two of them share it."""
        return export_folder() / f"{self.pk}.{self.attempt}.part"

    @property
    def signature(self) -> str:
        """What a link to the file bears; of this file until it expires, and of no other."""
        expires = self.expires_at.isoformat() if self.expires_at else ""
        return Signer(salt="billing.exports").signature(f"{self.pk} {expires}")

    def signed(self, signature: str) -> bool:
        return self.available and constant_time_compare(signature, self.signature)


def export_folder() -> Path:
    """Where files are kept, for all workers and web processes of an installation."""
    return Path(settings.EXPORTS_DIR or settings.DATA_DIR / "exports")
