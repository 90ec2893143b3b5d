"""How far a close of a month is that somebody asked for."""

from datetime import timedelta

from django.db import models
from django.utils import timezone

# A run that has not moved for so long has lost its worker, and another may be started.
LOST_AFTER = timedelta(minutes=15)


class ClosingRun(models.Model):
    """Counts of tenants: `done` of `tenants`, and what came of those that are done."""

    month = models.DateField()
    finalize = models.BooleanField()
    asked_by = models.CharField(max_length=200)
    started_at = models.DateTimeField(auto_now_add=True)
    moved_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    tenants = models.PositiveIntegerField(default=0)
    done = models.PositiveIntegerField(default=0)
    finalized = models.PositiveIntegerField(default=0)
    drafted = models.PositiveIntegerField(default=0)
    nothing = models.PositiveIntegerField(default=0)

    class Meta:
        app_label = "billing"
        ordering = ("-pk",)
        constraints = (
            models.UniqueConstraint(
                fields=["month"],
                condition=models.Q(finished_at__isnull=True),
                name="one_run_of_a_month",
            ),
        )

    def __str__(self) -> str:
        return f"{self.month:%Y-%m}, started {self.started_at:%Y-%m-%d %H:%M}"

    @property
    def lost(self) -> bool:
        return self.finished_at is None and self.moved_at < timezone.now() - LOST_AFTER
