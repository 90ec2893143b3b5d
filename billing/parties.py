"""Who sells and who buys, as an invoice has to name them; frozen with it when it is finalized."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.validators import MaxValueValidator
from django.db import models
from msgspec import Struct, convert, to_builtins

from metering.models import Tenant


class BillingDetails(models.Model):
    """What a tenant's invoices say of it, beside its name."""

    tenant = models.OneToOneField(Tenant, on_delete=models.CASCADE, related_name="billing")
    billing_name = models.CharField(
        max_length=200, blank=True, help_text="The legal name, where it is not the tenant's name."
    )
    billing_address = models.TextField(max_length=1000, blank=True, help_text="A line each.")
    billing_email = models.EmailField(blank=True)
    tax_id = models.CharField(max_length=60, blank=True, help_text="Such as a VAT number.")
    tax_note = models.CharField(
        max_length=300, blank=True, help_text="Why the tax is what it is, such as: Reverse charge."
    )
    payment_days = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MaxValueValidator(365)],
        help_text="Days from issue until payment is due; the installation's when empty.",
    )

    FIELDS = (
        "billing_name",
        "billing_address",
        "billing_email",
        "tax_id",
        "tax_note",
        "payment_days",
    )

    class Meta:
        verbose_name_plural = "billing details"

    def __str__(self) -> str:
        return f"billing details of {self.tenant}"


class Party(Struct, frozen=True, kw_only=True):
    """One side of an invoice."""

    name: str
    address: str = ""
    email: str = ""
    tax_id: str = ""


class Parties(Struct, frozen=True, kw_only=True):
    """Both sides and what they agreed on about paying."""

    seller: Party
    customer: Party
    payment_days: int
    how_to_pay: str = ""
    tax_note: str = ""

    def as_json(self) -> Any:
        return to_builtins(self)


def read_parties(tenant: Tenant) -> Parties:
    """Both sides as they are now."""
    return parties_of([tenant])[tenant.pk]


def parties_of(tenants: Iterable[Tenant]) -> dict[int, Parties]:
    """Both sides as they are now, for each of the tenants."""
    tenants = list(tenants)
    rows = BillingDetails.objects.filter(tenant__in=[tenant.pk for tenant in tenants])
    details = {row.tenant_id: row for row in rows}
    return {
        tenant.pk: _parties(tenant, details.get(tenant.pk) or BillingDetails(tenant=tenant))
        for tenant in tenants
    }


def _parties(tenant: Tenant, found: BillingDetails) -> Parties:
    days = found.payment_days
    return Parties(
        seller=Party(
            name=settings.SELLER_NAME,
            address=settings.SELLER_ADDRESS,
            email=settings.SELLER_EMAIL,
            tax_id=settings.SELLER_TAX_ID,
        ),
        customer=Party(
            name=found.billing_name or tenant.name,
            address=found.billing_address,
            email=found.billing_email,
            tax_id=found.tax_id,
        ),
        payment_days=settings.PAYMENT_DAYS if days is None else days,
        how_to_pay=settings.SELLER_PAYMENT,
        tax_note=found.tax_note,
    )


def frozen_parties(tenant: Tenant, kept: object) -> Parties:
    """Those that an invoice keeps; those of now where it was made before it kept any."""
    return convert(kept, Parties) if kept else read_parties(tenant)


def due_date(issued: date, parties: Parties) -> date:
    """Until when it is to be paid."""
    return issued + timedelta(days=parties.payment_days)


def local_date(moment: datetime, zone: str) -> date:
    """A moment's date on the clock of a zone."""
    return moment.astimezone(ZoneInfo(zone)).date()
