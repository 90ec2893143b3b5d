"""What the Celery worker does for billing."""

from datetime import timedelta
from zoneinfo import ZoneInfo

from celery import shared_task
from django.utils import timezone

from billing.invoicing import close_month
from billing.prepaid.booking import expire
from metering.models import Tenant


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
