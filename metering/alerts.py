"""Raises an alert when a tenant's cache hit rate over the last 24 hours is low, and ends it."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal

from django.conf import settings
from django.utils import timezone

from metering import queries
from metering.models import Alert, Tenant
from metering.usage.alert import HitRate, is_firing
from metering.usage.period import Period

WINDOW = timedelta(hours=24)


def check_hit_rates(tenants: Iterable[Tenant]) -> None:
    """Look at every tenant now. Safe to run twice and by several workers at once."""
    for tenant in tenants:
        now = timezone.now()
        settle(tenant, queries.hit_rate(tenant, Period(now - WINDOW, now)), now)


def open_alert(tenant: Tenant) -> Alert | None:
    """The alert that is firing, if any."""
    return Alert.objects.filter(tenant=tenant, cleared_at=None).first()


def settle(tenant: Tenant, measured: HitRate, now: datetime) -> None:
    """Fire, keep or end a tenant's alert by what was measured of the 24 hours before `now`."""
    alert = open_alert(tenant)
    minimum = settings.HIT_RATE_ALERT_MIN_REQUESTS
    firing = is_firing(measured, minimum, firing=alert is not None)
    if alert is None:
        if firing:
            _fire(tenant, measured, now)
        return
    value = "" if measured.rate is None else str(measured.rate)
    changed: dict[str, object] = {"checked_at": now, "value": value}
    if not firing:
        changed["cleared_at"] = now
    elif Decimal(value) < Decimal(alert.lowest):
        changed["lowest"] = value
    # Whoever measured earlier and comes later changes nothing.
    Alert.objects.filter(pk=alert.pk, cleared_at=None, checked_at__lt=now).update(**changed)


def _fire(tenant: Tenant, measured: HitRate, now: datetime) -> None:
    """One alert, however many workers find the same: the database has room for one only."""
    if Alert.objects.filter(tenant=tenant, cleared_at__gte=now).exists():
        return
    alert = Alert(
        tenant=tenant,
        kind=Alert.HIT_RATE,
        fired_at=now,
        checked_at=now,
        value=str(measured.rate),
        lowest=str(measured.rate),
    )
    Alert.objects.bulk_create([alert], ignore_conflicts=True)
