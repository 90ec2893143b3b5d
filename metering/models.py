"""Who sends events: tenants and their API keys. The events themselves are in ClickHouse."""

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models

from metering.notices.models import (  # noqa: F401 - Django looks here
    AlertChannel,
    Delivery,
    Notice,
)
from metering.validators import validate_http_url, validate_timezone


class Tenant(models.Model):
    """A buyer of the agent platform. Its `id` scopes every row in ClickHouse."""

    slug = models.SlugField(max_length=63, unique=True)
    name = models.CharField(max_length=200)
    timezone = models.CharField(max_length=64, default="UTC", validators=[validate_timezone])
    currency = models.CharField(
        max_length=3,
        default="USD",
        validators=[RegexValidator(r"^[A-Z]{3}$", "an ISO 4217 code has three capital letters")],
    )
    tax_percent = models.DecimalField(max_digits=7, decimal_places=4, default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.slug


class ApiKey(models.Model):
    """A key of one tenant: shown once when made, kept as a SHA-256 only.

    A key has 256 random bits, so a fast hash is as good as a slow one and costs no latency.
    """

    INGEST, READ = "ingest", "read"

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="api_keys")
    hash = models.CharField(max_length=64, unique=True)
    hint = models.CharField(max_length=16)
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)
    # To a few minutes: writing it at each request would make the row the bottleneck.
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.hint}… of {self.tenant}"


class ChipSource(models.Model):
    """An exporter of chip telemetry that is asked again and again; see metering/chip_sources.py."""

    DCGM, OPENCOST = "dcgm", "opencost"
    KINDS = [(DCGM, "DCGM exporter"), (OPENCOST, "OpenCost")]
    # Of DCGM nothing is known between scrapes that are more than a quarter of an hour apart.
    MOST_SECONDS_OF_DCGM = 600

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="chip_sources")
    kind = models.CharField(max_length=16, choices=KINDS)
    url = models.CharField(max_length=1000, validators=[validate_http_url])
    chip = models.CharField(
        max_length=512, blank=True, help_text="its name where OpenCost does not tell it"
    )
    every_seconds = models.PositiveIntegerField(
        default=60, validators=[MinValueValidator(10), MaxValueValidator(7 * 86_400)]
    )
    enabled = models.BooleanField(default=True)
    last_run_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_error = models.TextField(blank=True, editable=False)
    # Who collects it has until then; a worker that was killed keeps nobody longer from it.
    claimed_until = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["tenant", "kind", "url"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "kind", "url"], name="one_source_of_chips")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.url} for {self.tenant}"

    def clean(self) -> None:
        if self.kind == self.DCGM and (self.every_seconds or 0) > self.MOST_SECONDS_OF_DCGM:
            most = f"a DCGM exporter has to be asked every {self.MOST_SECONDS_OF_DCGM} s or sooner"
            raise ValidationError({"every_seconds": most})


class ChipScrape(models.Model):
    """The last scrape of a DCGM exporter: what was held then, to compare the next one with.

    The next one is kept beside it until the intervals between the two are stored.
    """

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="chip_scrapes")
    url = models.CharField(max_length=1000)
    taken_at = models.DateTimeField()
    devices = models.JSONField(default=list)
    next_at = models.DateTimeField(null=True)
    next_devices = models.JSONField(default=list)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "url"], name="one_scrape_of_an_exporter")
        ]

    def __str__(self) -> str:
        return f"{self.url} for {self.tenant}"


class Alert(models.Model):
    """Something a tenant should look at, from when it fired until it was over.

    Of a low hit rate `value` is the rate over the 24 hours before `checked_at`, empty when no call
    was left in them, and `lowest` the lowest of all checks.
    """

    HIT_RATE = "hit_rate"

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="alerts")
    kind = models.CharField(max_length=20)
    fired_at = models.DateTimeField()
    checked_at = models.DateTimeField()
    cleared_at = models.DateTimeField(null=True, blank=True)
    # Decimals as text, for SQLite would round them.
    value = models.CharField(max_length=40)
    lowest = models.CharField(max_length=40)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "kind"],
                condition=models.Q(cleared_at=None),
                name="one_open_alert",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.tenant} since {self.fired_at:%Y-%m-%d %H:%M}"

    @property
    def state(self) -> str:
        return "firing" if self.cleared_at is None else "cleared"


class IngestionAlert(models.Model):
    """An hour of the store's clock in which not everything that came is where it should be."""

    tenant = models.ForeignKey(Tenant, on_delete=models.CASCADE, related_name="ingestion_alerts")
    hour = models.DateTimeField()
    detail = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-hour"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "hour"], name="one_ingestion_alert_an_hour")
        ]

    def __str__(self) -> str:
        return f"{self.tenant} at {self.hour:%Y-%m-%d %H:%M}: {self.detail}"


class IngestionCheck(models.Model):
    """Until when a tenant's hours were checked, and alerts raised for those that do not add up."""

    tenant = models.OneToOneField(Tenant, on_delete=models.CASCADE, related_name="ingestion_check")
    until = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.tenant} until {self.until:%Y-%m-%d %H:%M}"


class AuditChain(models.Model):
    """The acts on a tenant, or on the installation where `tenant` is null, one after the other."""

    name = models.CharField(max_length=40, unique=True)
    tenant = models.OneToOneField(
        Tenant, on_delete=models.PROTECT, null=True, related_name="audit_chain"
    )
    length = models.PositiveBigIntegerField(default=0)
    # The digest of the last entry.
    head = models.CharField(max_length=64, default="0" * 64)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class AuditEntry(models.Model):
    """Who did what, when; see metering/audit.py. The database refuses to change or delete one."""

    MOST_ACTOR, MOST_SUBJECT = 200, 600

    chain = models.ForeignKey(AuditChain, on_delete=models.PROTECT, related_name="entries")
    position = models.PositiveBigIntegerField()
    moment = models.DateTimeField()
    actor = models.CharField(max_length=MOST_ACTOR)
    action = models.CharField(max_length=60)
    subject = models.CharField(max_length=MOST_SUBJECT)
    # Names and texts, never a secret.
    details = models.JSONField(default=dict)
    previous = models.CharField(max_length=64)
    digest = models.CharField(max_length=64)

    class Meta:
        ordering = ["chain", "-position"]
        verbose_name_plural = "audit entries"
        constraints = [models.UniqueConstraint(fields=["chain", "position"], name="audit_position")]

    def __str__(self) -> str:
        return f"{self.chain} {self.position}: {self.actor} {self.action} {self.subject}"
