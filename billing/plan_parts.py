"""What a plan version has beside its charges: fees, and units that are free."""

from django.db import models

from billing.fields import ExactDecimalField
from billing.rating.proration import DAY, SECOND

NONE = "none"


class Fee(models.Model):
    """An amount that is owed for each month or year on the plan, whatever was used."""

    class Interval(models.TextChoices):
        MONTH = "month"
        YEAR = "year"

    class Prorate(models.TextChoices):
        DAY = DAY
        SECOND = SECOND
        NONE = NONE

    version = models.ForeignKey(
        "billing.PlanVersion", on_delete=models.CASCADE, related_name="fees"
    )
    position = models.PositiveIntegerField()
    code = models.SlugField(max_length=63)
    description = models.CharField(max_length=200, blank=True)
    amount = ExactDecimalField()
    interval = models.CharField(max_length=10, choices=Interval.choices, default=Interval.MONTH)
    # Billed on the invoice of the month before, where there is one.
    in_advance = models.BooleanField(default=False)
    prorate = models.CharField(max_length=10, choices=Prorate.choices, default=Prorate.DAY)

    class Meta:
        ordering = ("version", "position")
        constraints = (
            models.UniqueConstraint(fields=["version", "code"], name="fee_code_in_version"),
        )

    def __str__(self) -> str:
        return f"{self.version} {self.code}"


class Allowance(models.Model):
    """Units that are free each month, shared by the charges it names, in their order."""

    class Prorate(models.TextChoices):
        DAY = DAY
        NONE = NONE

    version = models.ForeignKey(
        "billing.PlanVersion", on_delete=models.CASCADE, related_name="allowances"
    )
    position = models.PositiveIntegerField()
    code = models.SlugField(max_length=63)
    charges = models.JSONField()
    units = ExactDecimalField()
    prorate = models.CharField(max_length=10, choices=Prorate.choices, default=Prorate.NONE)

    class Meta:
        ordering = ("version", "position")
        constraints = (
            models.UniqueConstraint(fields=["version", "code"], name="allowance_code_in_version"),
        )

    def __str__(self) -> str:
        return f"{self.version} {self.code}"
