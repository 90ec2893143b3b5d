"""Ingestion of all tenants: what came in 24 hours, what waits, and how far the numbers are."""

from datetime import datetime, timedelta
from typing import Any

from django.urls import reverse
from django.utils import timezone

from dashboards import formats
from dashboards.operator.tables import Cell, Column, Figure, Section, link, pill
from metering.models import Tenant
from metering.tenants_queries import Health, health_of

_DAY = timedelta(days=1)
# The rollups are brought up once a minute; past this something is the matter.
_LATE = timedelta(minutes=15)
_COLUMNS = (
    Column("Tenant"),
    Column("State", text=True),
    Column("Received"),
    Column("Duplicates"),
    Column("Conflicts"),
    Column("Quarantined"),
    Column("Waiting"),
    Column("Waiting since, UTC", text=True),
    Column("Numbers up to, UTC", text=True),
)


def health_page() -> dict[str, Any]:
    """Figures and a table, those that need somebody first. Raises StoreUnavailable."""
    now = timezone.now()
    found = health_of(list(Tenant.objects.order_by("slug")), now - _DAY)
    heard = [item for item in found if item.intake or item.waiting]
    ordered = sorted(heard, key=lambda item: (not item.alerts, not _late(item, now), -item.waiting))
    return {
        "figures": _figures(found, now),
        "sections": [
            Section(
                title="By tenant, the last 24 hours",
                note="by when events were received; those that need somebody come first",
                columns=_COLUMNS,
                rows=[_row(item, now) for item in ordered],
                nothing=link(reverse("docs"), "Nobody has sent anything yet: how to"),
            )
        ],
    }


def _figures(found: list[Health], now: datetime) -> list[Figure]:
    def total(name: str) -> str:
        return formats.count(sum(getattr(h.intake, name) for h in found if h.intake))

    late = sum(_late(item, now) for item in found)
    waiting, unmetered = sum(i.waiting for i in found), sum(i.unmetered for i in found)
    alerts = sum(item.alerts for item in found)
    return [
        Figure("Received", total("received"), f"in 24 hours; {total('duplicates')} duplicates"),
        Figure("Quarantined", total("quarantined"), f"{total('unmetered')} of them unmetered"),
        Figure("Waiting", formats.count(waiting), f"to be repaired; {unmetered:,} unmetered"),
        Figure("Not right", formats.count(alerts + late), f"{alerts} hours, {late} late numbers"),
    ]


def _row(item: Health, now: datetime) -> list[Cell]:
    tenant, intake = item.tenant, item.intake
    url = f"{reverse('ingestion')}?tenant={tenant.slug}"
    names = ("received", "duplicates", "conflicts", "quarantined")
    counts = [formats.count(getattr(intake, name)) if intake else "0" for name in names]
    since, until = item.waiting_since, item.rolled_up_until
    return [
        link(url, tenant.name),
        _state(item, now),
        *counts,
        link(f"{url}#quarantine", formats.count(item.waiting)) if item.waiting else "0",
        formats.moment(since, "UTC") if since else formats.NONE,
        formats.moment(until, "UTC") if until else formats.NONE,
    ]


def _state(item: Health, now: datetime) -> Cell:
    if item.alerts:
        hours = f"{item.alerts} hour{'' if item.alerts == 1 else 's'}"
        return pill(f"{hours} not adding up", "bad")
    if _late(item, now):
        return pill("numbers are late", "bad")
    return pill("waiting", "warn") if item.waiting else pill("in order", "good")


def _late(item: Health, now: datetime) -> bool:
    """Whether it sent something that should have been in its numbers for a while."""
    if item.intake is None or item.intake.last_hour < now - _DAY:
        return False
    return item.rolled_up_until is None or item.rolled_up_until < now - _LATE
