"""What the Celery worker does for billing."""

from collections import defaultdict
from datetime import timedelta
from zoneinfo import ZoneInfo

from celery import shared_task
from django.utils import timezone

from billing.closing_runs import ClosingRun, note_chunk, start_run
from billing.exports import jobs
from billing.invoicing import chunks, close_month, held_of
from billing.prepaid.booking import expire
from metering.models import Tenant
from metering.queries import StoreUnavailable


@shared_task
def close_last_month() -> None:
    """Keep the drafts of the month that last ended on each tenant's clock up to date."""
    by_month: dict[str, list[Tenant]] = defaultdict(list)
    for tenant in Tenant.objects.all():
        today = timezone.now().astimezone(ZoneInfo(tenant.timezone)).date()
        last = today.replace(day=1) - timedelta(days=1)
        by_month[f"{last:%Y-%m}"].append(tenant)
    for month, tenants in by_month.items():
        for _ in close_month(month, tenants, finalize=False):
            pass


@shared_task
def close_in_chunks(month: str, finalize: bool) -> None:
    """Close a month for all tenants by as many workers as there are."""
    tenants = list(Tenant.objects.all())
    run = start_run(month, len(tenants), finalize=finalize)
    for number, some in enumerate(chunks(tenants)):
        close_tenants.delay(run.pk, number, [tenant.pk for tenant in some])


@shared_task(autoretry_for=(StoreUnavailable,), retry_backoff=True, max_retries=5)
def close_tenants(run_id: int, number: int, tenants: list[int]) -> None:
    """One chunk of a run. Delivered twice, it does the same and counts once."""
    run = ClosingRun.objects.get(pk=run_id)
    rows = Tenant.objects.filter(pk__in=tenants)
    closed = list(close_month(f"{run.month:%Y-%m}", rows, finalize=run.finalize))
    note_chunk(run, number, len(closed), held_of(closed))


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
