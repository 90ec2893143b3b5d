"""Rows that are waiting for something to be done once: claimed by one worker at a time.

A claim ends by itself, so that what a killed worker held is taken up again. Whoever lost its claim
finds out before it acts, and when it wants to write down what it did.
"""

import secrets
from datetime import datetime, timedelta
from typing import Any, Self, TypeVar
from uuid import UUID, uuid4

from django.db import connection, models, transaction
from django.db.models import F, Q
from django.utils import timezone

# Longer than any one call to Stripe takes.
LEASE = timedelta(minutes=2)
MOST_ATTEMPTS = 20
_FIRST_SECONDS, _MOST_SECONDS = 10, 6 * 3600
_RANDOM = secrets.SystemRandom()
Row = TypeVar("Row", bound="Queued")


class LostClaimError(Exception):
    """The claim was over, and another worker has the row."""


class Queued(models.Model):
    """What such a row has beside its matter."""

    class State(models.TextChoices):
        WAITING = "waiting"
        DONE = "done"
        DEAD = "dead"

    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    attempts = models.PositiveIntegerField(default=0)
    due_at = models.DateTimeField(default=timezone.now)
    claimed_until = models.DateTimeField(null=True, blank=True)
    claim = models.UUIDField(null=True, blank=True)
    last_error = models.TextField(blank=True)

    class Meta:
        abstract = True

    def renew(self) -> None:
        """Keep the claim for another while. Raises LostClaimError."""
        if not self._mine().update(claimed_until=timezone.now() + LEASE):
            raise LostClaimError(str(self))

    def note(self, **values: Any) -> None:
        """Write down something on the way, as long as the row is ours. Raises LostClaimError."""
        if not self._mine().update(**values):
            raise LostClaimError(str(self))
        for name, value in values.items():
            setattr(self, name, value)

    def unchanged(self) -> Q:
        """Whether what was asked for when it was claimed is all that is asked for."""
        return Q()

    def finish(self) -> None:
        """Done."""
        self._end(self.State.DONE, "")

    def postpone(self, error: str, seconds: float | None = None) -> None:
        """Try again later: after these seconds, or ever longer ones; dead after many attempts."""
        wait = backoff(self.attempts) if seconds is None else seconds
        dead = self.attempts >= MOST_ATTEMPTS
        self._mine().update(
            state=self.State.DEAD if dead else self.State.WAITING,
            due_at=timezone.now() + timedelta(seconds=wait),
            claim=None,
            claimed_until=None,
            last_error=error,
        )

    def bury(self, error: str) -> None:
        """Trying again would change nothing: somebody has to look at it."""
        self._end(self.State.DEAD, error)

    def _end(self, state: str, error: str) -> None:
        """Unless more was asked for meanwhile: then it is taken up again."""
        freed = {"claim": None, "claimed_until": None, "last_error": error}
        mine = self._mine()
        if not mine.filter(self.unchanged()).update(state=state, **freed):
            mine.update(due_at=timezone.now(), attempts=0, **freed)

    def _mine(self) -> "models.QuerySet[Self]":
        return type(self)._default_manager.filter(pk=self.pk, claim=self.claim)


def claim(model: type[Row], now: datetime | None = None) -> Row | None:
    """The row that has been due for longest, if there is one that nobody else has."""
    now = now or timezone.now()
    rows = model._default_manager.filter(state=Queued.State.WAITING, due_at__lte=now)
    free = rows.filter(Q(claimed_until=None) | Q(claimed_until__lt=now)).order_by("due_at", "pk")
    # SQLite has one writer at a time, so nobody stands between the look and the claim.
    skip_locked = connection.features.has_select_for_update_skip_locked
    with transaction.atomic():
        row = free.select_for_update(skip_locked=skip_locked).first()
        if row is None:
            return None
        token: UUID = uuid4()
        model._default_manager.filter(pk=row.pk).update(
            claim=token, claimed_until=now + LEASE, attempts=F("attempts") + 1
        )
    row.refresh_from_db()
    return row


def revive(rows: "models.QuerySet[Row]") -> int:
    """Try again what is dead, from now on."""
    dead = rows.filter(state=Queued.State.DEAD)
    return dead.update(state=Queued.State.WAITING, attempts=0, due_at=timezone.now())


def backoff(attempts: int) -> float:
    """Seconds before the next attempt: doubled each time, and never the same for two rows."""
    seconds = min(_FIRST_SECONDS * 2.0 ** min(attempts, 32), _MOST_SECONDS)
    return seconds * _RANDOM.uniform(0.5, 1.0)
