"""What the Celery worker does for billing."""

from datetime import timedelta
from zoneinfo import ZoneInfo

from celery import shared_task
from django.utils import timezone

from billing.exports import jobs
from billing.invoicing import close_month
from billing.prepaid.booking import expire
from metering.models import Tenant
from metering.queries import StoreUnavailable


@shared_task
def close_last_month() -> None:
    """Keep the drafts of the month that last ended on each tenant's clock up to date."""
    for tenant in Tenant.objects.all():
        today = timezone.now().astimezone(ZoneInfo(tenant.timezone)).date()
        last = today.replace(day=1) - timedelta(days=1)
        for _ in close_month(f"{last:%Y-%m}", [tenant], finalize=False):
            pass


@shared_task
def expire_credits() -> None:
    """Book what is left of prepaid credit that has expired."""
    for tenant in Tenant.objects.filter(credit_grants__isnull=False).distinct():
        expire(tenant)


@shared_task(autoretry_for=(StoreUnavailable,), retry_backoff=True, max_retries=5)
def make_export(job_id: str) -> None:
    """Write the file of an export."""
    jobs.write_export(job_id)


@shared_task
def sweep_exports() -> None:
    """Take up what a killed worker left, and remove files whose time is over."""
    for job in jobs.stale_jobs():
        make_export.delay(str(job.pk))
    jobs.expire_exports()
