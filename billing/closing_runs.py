"""How far the closing of a month is: who started it, and how many tenants are done or held."""

from datetime import date, datetime, timedelta

from django.db import models
from django.db.models import Max, Sum
from django.utils import timezone

from metering.actor import current_actor

# Only runs of late are of interest.
_KEPT = timedelta(days=400)


class ClosingRun(models.Model):
    """A month being closed for a number of tenants, chunk by chunk."""

    month = models.DateField()
    finalize = models.BooleanField()
    total = models.PositiveIntegerField()
    started_by = models.CharField(max_length=200)
    started_at = models.DateTimeField()

    class Meta:
        ordering = ("-started_at", "-pk")

    def __str__(self) -> str:
        return f"{self.month:%Y-%m} from {self.started_at:%F %H:%M} on"

    @property
    def done(self) -> int:
        """Tenants that were looked at."""
        return int(self.chunks.aggregate(done=Sum("done"))["done"] or 0)

    @property
    def held(self) -> int:
        """Of them, those whose invoice could not be finalized."""
        return int(self.chunks.aggregate(held=Sum("held"))["held"] or 0)

    @property
    def last_step(self) -> datetime | None:
        """When the last chunk was done; one that stands still for long was killed."""
        last: datetime | None = self.chunks.aggregate(last=Max("finished_at"))["last"]
        return last


class ClosedChunk(models.Model):
    """A chunk that is done. A task that is delivered twice writes it once."""

    run = models.ForeignKey(ClosingRun, on_delete=models.CASCADE, related_name="chunks")
    number = models.PositiveIntegerField()
    done = models.PositiveIntegerField()
    held = models.PositiveIntegerField()
    finished_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["run", "number"], name="closed_chunk_number"),
        )

    def __str__(self) -> str:
        return f"{self.run} chunk {self.number}"


def start_run(month: str, total: int, *, finalize: bool) -> ClosingRun:
    """Write down that a month is being closed for so many tenants."""
    now = timezone.now()
    ClosingRun.objects.filter(started_at__lt=now - _KEPT).delete()
    return ClosingRun.objects.create(
        month=date.fromisoformat(f"{month}-01"),
        finalize=finalize,
        total=total,
        started_by=current_actor(),
        started_at=now,
    )


def note_chunk(run: ClosingRun, number: int, done: int, held: int) -> None:
    """Write down what became of a chunk."""
    ClosedChunk.objects.update_or_create(
        run=run,
        number=number,
        defaults={"done": done, "held": held, "finished_at": timezone.now()},
    )
