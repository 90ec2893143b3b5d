"""What the Celery worker does for billing."""

from collections import defaultdict
from datetime import timedelta
from zoneinfo import ZoneInfo

from celery import shared_task
from django.utils import timezone

from billing.budgets.measuring import measure
from billing.budgets.reserving import expire_due
from billing.closing_run import ClosingRun
from billing.closing_runs import work
from billing.exports import jobs
from billing.invoicing import close_month
from billing.prepaid.booking import expire
from billing.stripe_sync import worker
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
def push_to_stripe() -> None:
    """Tell Stripe what it has to learn of invoices."""
    worker.push_due()


@shared_task
def handle_stripe_events() -> None:
    """Do what follows from the events that Stripe sent."""
    worker.handle_due()


@shared_task
def expire_credits() -> None:
    """Book what is left of prepaid credit that has expired."""
    for tenant in Tenant.objects.filter(credit_grants__isnull=False).distinct():
        expire(tenant)


@shared_task
def expire_reservations() -> None:
    """Let go of what agents reserved and did not settle in time."""
    expire_due()


@shared_task(autoretry_for=(StoreUnavailable,), retry_backoff=True, max_retries=5)
def measure_budgets() -> None:
    """Look up what was spent of budgets, and tell of thresholds reached."""
    for tenant in Tenant.objects.filter(budgets__enabled=True).distinct():
        measure(tenant)


@shared_task(autoretry_for=(StoreUnavailable,), retry_backoff=True, max_retries=5)
def work_on_closing_run(run_id: int) -> None:
    """Close a month that somebody asked for."""
    work(ClosingRun.objects.get(pk=run_id))


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
