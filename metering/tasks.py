"""Celery jobs of metering."""

from celery import shared_task

from metering.alerts import check_hit_rates
from metering.chip_collection import collect_url
from metering.clickhouse.connection import StoreUnavailable
from metering.clickhouse.rollup import forget_old_generations
from metering.models import Tenant
from metering.rollups import roll_up


@shared_task(autoretry_for=(StoreUnavailable,), retry_backoff=True, max_retries=5)
def rollup_all() -> None:
    """Bring every tenant's derived numbers up to date."""
    roll_up(Tenant.objects.all())


@shared_task(autoretry_for=(StoreUnavailable,), retry_backoff=True, max_retries=5)
def sweep_rollups() -> None:
    """Remove derived rows that newer ones replaced."""
    forget_old_generations()


@shared_task(autoretry_for=(StoreUnavailable,), retry_backoff=True, max_retries=5)
def check_alerts() -> None:
    """Raise and end every tenant's alerts."""
    check_hit_rates(Tenant.objects.all())


@shared_task(autoretry_for=(StoreUnavailable,), retry_backoff=True, max_retries=5)
def collect_chips(slug: str, kind: str, url: str, chip: str = "") -> None:
    """Fetch chip telemetry, `dcgm` or `opencost`, for a tenant; to be scheduled every minute or so.

    Of DCGM each run stores what was held since the run before.
    """
    collect_url(Tenant.objects.get(slug=slug), kind, url, chip)
