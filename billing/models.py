"""What is charged, what it costs the operator, and the invoices; every amount keeps its digits."""

from datetime import date
from decimal import Decimal

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q

from billing.budgets.models import (  # noqa: F401 - Django looks here
    Budget,
    BudgetAlert,
    BudgetCounter,
    BudgetReservation,
)
from billing.catalogue.revision import CatalogueRevision  # noqa: F401 - Django looks here
from billing.charges import check_charge
from billing.closing_run import ClosingRun  # noqa: F401 - and here
from billing.concessions import Coupon, TenantCharge  # noqa: F401 - and here
from billing.exports.job import ExportJob  # noqa: F401 - and here
from billing.fields import ExactDecimalField, OptionalDecimalField
from billing.parties import BillingDetails  # noqa: F401 - and here
from billing.payments import InvoiceChange, Payment  # noqa: F401 - and here
from billing.plan_parts import Allowance, Fee  # noqa: F401 - and here
from billing.prepaid.models import CreditGrant, CreditMovement  # noqa: F401 - and here
from billing.rating.errors import ChargeError
from billing.rating.money import EXACT
from billing.restatement import Restatement  # noqa: F401 - and here
from billing.stripe_sync.records import (  # noqa: F401 - and here
    StripeCustomer,
    StripeEvent,
    StripePush,
)
from metering.models import Tenant

# A first plan and whatever else was "always so" is in force from here.
BEGINNING_OF_TIME = date(1970, 1, 1)
_TOKEN_KEY = ("provider", "model", "modality", "service_tier", "above_prompt_tokens", "valid_from")


class Plan(models.Model):
    """What tenants are charged, in one currency; the charges are in its versions."""

    code = models.SlugField(max_length=63, unique=True)
    currency = models.CharField(max_length=3)

    class Meta:
        ordering = ("code",)

    def __str__(self) -> str:
        return self.code


class PlanVersion(models.Model):
    """The charges of a plan from a date of the tenant's zone on, until the next version."""

    plan = models.ForeignKey(Plan, on_delete=models.CASCADE, related_name="versions")
    valid_from = models.DateField()
    # The least that a month on the plan comes to, fees included; a part of a month owes its part.
    minimum_commitment = OptionalDecimalField(null=True, blank=True)

    class Meta:
        ordering = ("plan", "valid_from")
        constraints = (
            models.UniqueConstraint(fields=["plan", "valid_from"], name="plan_version_date"),
        )

    def __str__(self) -> str:
        return f"{self.plan} {self.valid_from}"


class Charge(models.Model):
    """One charge of a version: what is counted and how it is priced, as `apply` reads them."""

    version = models.ForeignKey(PlanVersion, on_delete=models.CASCADE, related_name="charges")
    position = models.PositiveIntegerField()
    code = models.SlugField(max_length=63)
    # Null where the tenant's contracts say what is counted: a burst charge.
    meter = models.JSONField(null=True, blank=True)
    charge = models.JSONField()

    class Meta:
        ordering = ("version", "position")
        constraints = (
            models.UniqueConstraint(fields=["version", "code"], name="charge_code_in_version"),
        )

    def __str__(self) -> str:
        return f"{self.version} {self.code}"

    def clean(self) -> None:
        """Whoever edits a charge by hand is told what is wrong with it, as `apply` would."""
        try:
            check_charge(self.charge, self.meter)
        except ChargeError as error:
            raise ValidationError(str(error)) from error


class Subscription(models.Model):
    """Which plan a tenant is on from a date of its zone on, until it ends or the next begins."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="subscriptions")
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="subscriptions")
    valid_from = models.DateField(default=BEGINNING_OF_TIME)
    # The first date that the tenant is no longer on it.
    ends = models.DateField(null=True, blank=True)

    class Meta:
        ordering = ("tenant", "valid_from")
        constraints = (
            models.UniqueConstraint(fields=["tenant", "valid_from"], name="subscription_date"),
        )

    def __str__(self) -> str:
        return f"{self.tenant} on {self.plan} from {self.valid_from}"

    def clean(self) -> None:
        if self.ends is not None and self.ends <= self.valid_from:
            raise ValidationError({"ends": f"must be after {self.valid_from}"})


class TokenPrice(models.Model):
    """What the operator pays for a model's tokens. A null class has no price; free is 0."""

    provider = models.CharField(max_length=512, blank=True)
    model = models.CharField(max_length=512)
    modality = models.CharField(max_length=512, default="text")
    service_tier = models.CharField(max_length=512, blank=True)
    # Prices the whole request when its prompt is longer than this; 0 serves any prompt.
    above_prompt_tokens = models.BigIntegerField(default=0)
    valid_from = models.DateField()
    currency = models.CharField(max_length=3)
    per = models.BigIntegerField()
    input = OptionalDecimalField(null=True, blank=True)
    cache_read = OptionalDecimalField(null=True, blank=True)
    cache_write = OptionalDecimalField(null=True, blank=True)
    cache_write_long = OptionalDecimalField(null=True, blank=True)
    output = OptionalDecimalField(null=True, blank=True)

    KEY = _TOKEN_KEY

    class Meta:
        ordering = ("model", "provider", "modality", "service_tier", "above_prompt_tokens")
        constraints = (models.UniqueConstraint(fields=list(_TOKEN_KEY), name="token_price_key"),)

    def __str__(self) -> str:
        return " ".join(str(getattr(self, name)) for name in self.KEY if getattr(self, name))


class ChipPrice(models.Model):
    """What the operator pays for a chip, each second it is held."""

    chip = models.CharField(max_length=512)
    valid_from = models.DateField()
    currency = models.CharField(max_length=3)
    per_second = ExactDecimalField()

    KEY = ("chip", "valid_from")

    class Meta:
        ordering = ("chip", "valid_from")
        constraints = (
            models.UniqueConstraint(fields=["chip", "valid_from"], name="chip_price_key"),
        )

    def __str__(self) -> str:
        return f"{self.chip} {self.valid_from}"


class ToolPrice(models.Model):
    """What the operator pays for each unit of a tool."""

    tool = models.CharField(max_length=512)
    valid_from = models.DateField()
    currency = models.CharField(max_length=3)
    per_unit = ExactDecimalField()

    KEY = ("tool", "valid_from")

    class Meta:
        ordering = ("tool", "valid_from")
        constraints = (
            models.UniqueConstraint(fields=["tool", "valid_from"], name="tool_price_key"),
        )

    def __str__(self) -> str:
        return f"{self.tool} {self.valid_from}"


class BurstContract(models.Model):
    """How a tenant's chips of one type are charged from a date on; credits start at 0 there."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="contracts")
    chip = models.CharField(max_length=512)
    valid_from = models.DateField()
    baseline = ExactDecimalField()
    baseline_price = ExactDecimalField()
    on_demand_price = ExactDecimalField()
    burst_tiers = models.JSONField()
    idle_factor = ExactDecimalField()
    granularity_ms = models.BigIntegerField(default=1)
    minimum_ms = models.BigIntegerField(default=0)
    cold_start_fee = ExactDecimalField()
    credit_accrual = ExactDecimalField()
    credit_cap = ExactDecimalField()

    KEY = ("tenant", "chip", "valid_from")

    class Meta:
        ordering = ("tenant", "chip", "valid_from")
        constraints = (
            models.UniqueConstraint(fields=["tenant", "chip", "valid_from"], name="contract_key"),
        )

    def __str__(self) -> str:
        return f"{self.tenant} {self.chip} {self.valid_from}"


class BurstBalance(models.Model):
    """Credits of a burst contract at a moment, from the events received before a watermark.

    Derived: it may be deleted at any time. `terms` is a digest of what it depends on beside events.
    """

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="burst_balances")
    chip = models.CharField(max_length=512)
    terms = models.CharField(max_length=64)
    moment = models.DateTimeField()
    watermark = models.DateTimeField()
    credits = ExactDecimalField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["tenant", "terms", "moment"], name="burst_balance_key"),
        )

    def __str__(self) -> str:
        return f"{self.tenant} {self.chip} {self.moment:%F %H:%M}"


class InvoiceSeries(models.Model):
    """The last number given in a series; the row's lock makes the series gapless."""

    code = models.CharField(max_length=20, unique=True)
    last_number = models.PositiveBigIntegerField(default=0)

    class Meta:
        verbose_name_plural = "invoice series"

    def __str__(self) -> str:
        return f"{self.code} at {self.last_number}"


class Invoice(models.Model):
    """A tenant's bill for a month. Once finalized the database itself refuses to change it.

    `snapshot` holds the terms it was priced from, so that plans and prices may change later and
    the invoice can still be computed again.
    """

    class Status(models.TextChoices):
        DRAFT = "draft"
        FINALIZED = "finalized"
        PAID = "paid"
        VOID = "void"
        UNCOLLECTIBLE = "uncollectible"

    class Kind(models.TextChoices):
        INVOICE = "invoice"
        CREDIT_NOTE = "credit_note"

    tenant = models.ForeignKey(Tenant, on_delete=models.PROTECT, related_name="invoices")
    # First day of the calendar month: still the same month when the tenant moves to another zone.
    month = models.DateField()
    reason = models.CharField(max_length=20, default="month")
    kind = models.CharField(max_length=20, choices=Kind.choices, default=Kind.INVOICE)
    status = models.CharField(max_length=20, choices=Status.choices, default=Status.DRAFT)
    number = models.CharField(max_length=40, unique=True, null=True, blank=True)
    currency = models.CharField(max_length=3)
    period_start = models.DateTimeField()
    period_end = models.DateTimeField()
    tax_percent = ExactDecimalField()
    subtotal = ExactDecimalField()
    tax = ExactDecimalField()
    total = ExactDecimalField()
    # What prepaid credit paid of the total; of a draft nothing yet.
    credits_applied = ExactDecimalField(default=Decimal(0))
    # Computed from the events that the store had received before this moment.
    watermark = models.DateTimeField()
    finalized_at = models.DateTimeField(null=True, blank=True)
    snapshot = models.JSONField()
    # Who sells and who buys, as billing/parties.py reads them: they may move, the invoice may not.
    parties = models.JSONField(default=dict, blank=True)
    # What needs a price and has none: finalizing waits for it.
    unpriced = models.JSONField(default=list, blank=True)
    not_charged = models.JSONField(default=list, blank=True)

    class Meta:
        ordering = ("-month", "tenant__slug", "pk")
        constraints = (
            models.UniqueConstraint(
                fields=["tenant", "month", "reason"],
                condition=~Q(status="void"),
                name="one_invoice_a_month",
            ),
            # A row that is numbered is no draft, and the other way round.
            models.CheckConstraint(
                condition=Q(status="draft", number__isnull=True)
                | (~Q(status="draft") & Q(number__isnull=False)),
                name="numbered_when_finalized",
            ),
        )

    def __str__(self) -> str:
        return self.number or f"draft {self.tenant} {self.month:%Y-%m}"

    @property
    def amount_due(self) -> Decimal:
        """What is to be paid beside prepaid credit; below zero, what is given back."""
        return EXACT.subtract(self.total, self.credits_applied)


class InvoiceLine(models.Model):
    """One explained amount; `exact_amount` is what it was before its one rounding."""

    class Kind(models.TextChoices):
        USAGE = "usage"
        FEE = "fee"
        COMMITMENT = "commitment"
        COUPON = "coupon"

    invoice = models.ForeignKey(Invoice, on_delete=models.CASCADE, related_name="lines")
    position = models.PositiveIntegerField()
    kind = models.CharField(max_length=20, choices=Kind.choices, default=Kind.USAGE)
    code = models.CharField(max_length=63)
    # Which part of the charge, such as tier-2: the same when the period is rated again.
    key = models.CharField(max_length=200)
    description = models.TextField()
    quantity = ExactDecimalField()
    unit = models.CharField(max_length=600, blank=True)
    unit_amount = OptionalDecimalField(null=True, blank=True)
    exact_amount = ExactDecimalField()
    amount = ExactDecimalField()
    group = models.JSONField(default=dict, blank=True)
    period_start = models.DateTimeField()
    period_end = models.DateTimeField()
    # The earlier invoice whose period this line corrects.
    corrects = models.ForeignKey(
        Invoice, on_delete=models.PROTECT, null=True, blank=True, related_name="corrections"
    )

    class Meta:
        ordering = ("invoice", "position")
        constraints = (
            models.UniqueConstraint(fields=["invoice", "position"], name="line_position"),
        )

    def __str__(self) -> str:
        return f"{self.invoice} line {self.position}"

    @property
    def correction(self) -> bool:
        return self.corrects_id is not None
