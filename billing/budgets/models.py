"""Budgets, and what is kept of each period of one; see billing/budgets/reserving.py."""

from datetime import date
from decimal import Decimal

from django.db import models
from django.utils import timezone

from billing.fields import ExactDecimalField, OptionalDecimalField
from metering.models import Tenant
from metering.usage.period import Period, day_period, month_period

ZERO = Decimal(0)
THRESHOLDS = (50, 80, 100)


class Budget(models.Model):
    """What a tenant, one agent or whatever bears a label may spend in a month or a day.

    A soft one tells when it is spent; a hard one refuses reservations that do not fit as well.
    """

    MONTH, DAY = "month", "day"
    PERIODS = [(MONTH, "month"), (DAY, "day")]

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="budgets")
    code = models.SlugField(max_length=63)
    amount = ExactDecimalField()
    period = models.CharField(max_length=8, choices=PERIODS, default=MONTH)
    # Empty: of every agent, with or without any label.
    agent = models.CharField(max_length=512, blank=True)
    label = models.CharField(max_length=200, blank=True)
    value = models.CharField(max_length=512, blank=True)
    hard = models.BooleanField(default=False)
    enabled = models.BooleanField(default=True)

    class Meta:
        app_label = "billing"
        ordering = ("tenant", "code")
        constraints = (models.UniqueConstraint(fields=["tenant", "code"], name="budget_code"),)

    def __str__(self) -> str:
        return f"{self.code} of {self.tenant}"

    @property
    def scope(self) -> str:
        """In words."""
        agent = f"agent {self.agent}" if self.agent else ""
        label = f"label {self.label}={self.value}" if self.label else ""
        return ", ".join(filter(None, (agent, label))) or "everything"

    @property
    def is_whole(self) -> bool:
        """Whether it is of every agent and every label."""
        return not self.agent and not self.label

    def covers(self, agent: str, labels: dict[str, str]) -> bool:
        """Whether what an agent spends under these labels is its business."""
        return self.agent in {"", agent} and (
            not self.label or labels.get(self.label) == self.value
        )

    def start_of(self, today: date) -> date:
        """The first day of the period that a day of the tenant's calendar is in."""
        return today if self.period == self.DAY else today.replace(day=1)

    def period_of(self, start: date) -> Period:
        """The period that begins on this day."""
        zone = self.tenant.timezone
        if self.period == self.DAY:
            return day_period(start, zone)
        return month_period(f"{start:%Y-%m}", zone)


class BudgetCounter(models.Model):
    """What of a budget is gone in a period. `settled` and `reserved` follow from the reservations.

    `measured` is what the events of the period cost when that was last looked up, and `others` what
    of it nobody had settled by then: the spend of those who do not reserve.
    """

    budget = models.ForeignKey(Budget, on_delete=models.CASCADE, related_name="counters")
    start = models.DateField()
    settled = ExactDecimalField(default=ZERO)
    reserved = ExactDecimalField(default=ZERO)
    others = ExactDecimalField(default=ZERO)
    measured = OptionalDecimalField(null=True)
    measured_at = models.DateTimeField(null=True)
    unpriced = models.JSONField(default=list)
    # The highest threshold that an alert was raised at.
    alerted = models.PositiveSmallIntegerField(default=0)

    class Meta:
        app_label = "billing"
        ordering = ("budget", "-start")
        constraints = (models.UniqueConstraint(fields=["budget", "start"], name="budget_counter"),)

    def __str__(self) -> str:
        return f"{self.budget} {self.start}"


class BudgetReservation(models.Model):
    """Money an agent means to spend, until it says what it did spend or has said nothing for long.

    `counters` are those of the budgets that it fell under when it was made.
    """

    HELD, SETTLED, EXPIRED = "held", "settled", "expired"
    STATES = [(HELD, "held"), (SETTLED, "settled"), (EXPIRED, "expired")]

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="reservations")
    key = models.CharField(max_length=200)
    agent = models.CharField(max_length=512, blank=True)
    labels = models.JSONField(default=dict)
    amount = ExactDecimalField()
    state = models.CharField(max_length=8, choices=STATES, default=HELD)
    settled = OptionalDecimalField(null=True)
    made_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    counters = models.ManyToManyField(BudgetCounter, related_name="reservations")

    class Meta:
        app_label = "billing"
        ordering = ("-pk",)
        constraints = (
            models.UniqueConstraint(fields=["tenant", "key"], name="one_reservation_a_key"),
        )
        indexes = (
            models.Index(
                fields=["expires_at"], condition=models.Q(state="held"), name="reservation_leaks"
            ),
        )

    def __str__(self) -> str:
        return f"{self.key} of {self.tenant}"


class BudgetAlert(models.Model):
    """A threshold that was reached: once for each period."""

    counter = models.ForeignKey(BudgetCounter, on_delete=models.CASCADE, related_name="alerts")
    threshold = models.PositiveSmallIntegerField()
    spent = ExactDecimalField()
    amount = ExactDecimalField()
    fired_at = models.DateTimeField(default=timezone.now)

    class Meta:
        app_label = "billing"
        ordering = ("-pk",)
        constraints = (
            models.UniqueConstraint(fields=["counter", "threshold"], name="one_budget_alert"),
        )

    def __str__(self) -> str:
        return f"{self.counter}: {self.threshold} %"
