"""Celery jobs of metering."""

from celery import shared_task

from metering import chip_sources
from metering.alerts import check_hit_rates
from metering.chip_collection import collect_url
from metering.clickhouse.connection import StoreUnavailable
from metering.clickhouse.rollup import forget_old_generations
from metering.meter_days import bring_up
from metering.models import Tenant
from metering.notices.deliver import deliver_due
from metering.reconciliation import check_closed_hours
from metering.rollups import roll_up
from metering.spans import forget_old


@shared_task(autoretry_for=(StoreUnavailable,), retry_backoff=True, max_retries=5)
def rollup_all() -> None:
    """Bring every tenant's derived numbers up to date."""
    tenants = list(Tenant.objects.all())
    roll_up(tenants)
    bring_up(tenants)


@shared_task(autoretry_for=(StoreUnavailable,), retry_backoff=True, max_retries=5)
def sweep_rollups() -> None:
    """Remove derived rows that newer ones replaced."""
    forget_old_generations()


@shared_task(autoretry_for=(StoreUnavailable,), retry_backoff=True, max_retries=5)
def check_alerts() -> None:
    """Raise and end every tenant's alerts."""
    check_hit_rates(Tenant.objects.all())


@shared_task(autoretry_for=(StoreUnavailable,), retry_backoff=True, max_retries=5)
def drop_old_spans() -> None:
    """Drop what is kept of spans once no late one of their traces is to be expected."""
    forget_old()


@shared_task(autoretry_for=(StoreUnavailable,), retry_backoff=True, max_retries=5)
def check_ingestion() -> None:
    """Raise an alert for each hour in which not everything that came is where it should be."""
    check_closed_hours(Tenant.objects.all())


@shared_task(autoretry_for=(StoreUnavailable,), retry_backoff=True, max_retries=5)
def collect_chips(slug: str, kind: str, url: str, chip: str = "") -> None:
    """Fetch chip telemetry, `dcgm` or `opencost`, of an address that is no source of the tenant's.

    Of DCGM each run stores what was held since the run before.
    """
    collect_url(Tenant.objects.get(slug=slug), kind, url, chip)


@shared_task
def collect_due_chips() -> None:
    """Start what is due of the sources of chip telemetry."""
    for source_id in chip_sources.due_sources():
        collect_chip_source.delay(source_id)


@shared_task
def collect_chip_source(source_id: int) -> None:
    """Ask one source, unless it is not due any more or another worker does."""
    chip_sources.collect_source(source_id)


@shared_task
def deliver_notices() -> None:
    """Send what tenants are to be told."""
    deliver_due()
