"""Raises an alert when a tenant's cache hit rate over the last 24 hours is low, and ends it."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from metering import queries
from metering.models import Alert, Tenant
from metering.notices.queue import Told, tell
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
    with transaction.atomic():
        # Whoever measured earlier and comes later changes nothing.
        mine = Alert.objects.filter(pk=alert.pk, cleared_at=None, checked_at__lt=now)
        if mine.update(**changed) and not firing:
            _tell(alert, "cleared", value)


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
    with transaction.atomic():
        Alert.objects.bulk_create([alert], ignore_conflicts=True)
        # Of several that fire at once only one is there.
        made = Alert.objects.filter(tenant=tenant, cleared_at=None, fired_at=now).first()
        if made is not None:
            _tell(made, "fired", made.value)


def _tell(alert: Alert, what: str, rate: str) -> None:
    """Once for each time it fires or ends."""
    shown = f"{Decimal(rate):.1%}" if rate else "unknown, as there were no calls"
    tell(
        alert.tenant,
        Told(
            key=f"alert/{alert.pk}/{what}",
            kind=f"{alert.kind}.{what}",
            subject=f"Cache hit rate of {alert.tenant.name}: alert {what}",
            text=f"The cache hit rate over the last 24 hours is {shown}.",
            data={"alert": alert.pk, "rate": rate or None, "fired_at": alert.fired_at.isoformat()},
        ),
    )
