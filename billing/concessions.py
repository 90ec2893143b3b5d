"""What is agreed with one tenant: coupons, and charges of its own."""

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models

from billing.charges import check_charge
from billing.fields import OptionalDecimalField
from billing.rating.errors import ChargeError
from metering.models import Tenant


class Coupon(models.Model):
    """A percentage or an amount off the invoices of some months, from that of a date on.

    Which months those are is a matter of the calendar, so no invoice that is made again can get
    it twice.
    """

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="coupons")
    code = models.SlugField(max_length=63)
    description = models.CharField(max_length=200, blank=True)
    valid_from = models.DateField()
    # Of how many months: 1 is once, null for ever.
    months = models.PositiveIntegerField(null=True, blank=True, validators=[MinValueValidator(1)])
    percent = OptionalDecimalField(null=True, blank=True)
    amount = OptionalDecimalField(null=True, blank=True)
    currency = models.CharField(max_length=3, blank=True)
    # Codes of charges and fees; none stands for the whole invoice.
    charges = models.JSONField(default=list, blank=True)

    class Meta:
        ordering = ("tenant", "valid_from", "code")
        constraints = (
            models.UniqueConstraint(fields=["tenant", "code"], name="coupon_code_of_tenant"),
        )

    def __str__(self) -> str:
        return f"{self.tenant} {self.code}"


class TenantCharge(models.Model):
    """A tenant's own charge: instead of the plan's of that code, or beside the plan's others."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="own_charges")
    code = models.SlugField(max_length=63)
    valid_from = models.DateField()
    # The first date that it no longer holds.
    ends = models.DateField(null=True, blank=True)
    meter = models.JSONField(null=True, blank=True)
    charge = models.JSONField()

    class Meta:
        ordering = ("tenant", "code", "valid_from")
        constraints = (
            models.UniqueConstraint(
                fields=["tenant", "code", "valid_from"], name="own_charge_date"
            ),
        )

    def __str__(self) -> str:
        return f"{self.tenant} {self.code} {self.valid_from}"

    def clean(self) -> None:
        try:
            check_charge(self.charge, self.meter)
        except ChargeError as error:
            raise ValidationError(str(error)) from error
        if self.ends is not None and self.ends <= self.valid_from:
            raise ValidationError({"ends": f"must be after {self.valid_from}"})
