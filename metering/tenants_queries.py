"""Usage and ingestion of many tenants at once, for the operator: few queries, however many."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from metering.clickhouse.tenants_intake_query import (
    TenantIntake,
    intake_since,
    rolled_up_until,
    waiting_since,
)
from metering.clickhouse.tenants_use_query import TenantsUseQuery
from metering.models import IngestionAlert, Tenant
from metering.usage.calls import PricedCalls

Dates = Callable[[str], tuple[date, date]]


@dataclass(frozen=True, slots=True)
class UnitUse:
    """A tenant's chip-seconds (`kind` chip) or units of a tool, from a day of prices on."""

    tenant: int
    kind: str
    name: str
    day: date
    quantity: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How a tenant's ingestion stands; what never happened is None."""

    tenant: Tenant
    intake: TenantIntake | None
    waiting: int = 0
    unmetered: int = 0
    waiting_since: datetime | None = None
    rolled_up_until: datetime | None = None
    alerts: int = 0


def calls_of(
    tenants: Iterable[Tenant], dates: Dates, days: Sequence[date], thresholds: Sequence[int]
) -> Iterator[tuple[int, PricedCalls]]:
    """Model calls of the tenants between the `dates` of each one's zone. See TenantsUseQuery."""
    for query in _queries(tenants, dates, days, thresholds):
        yield from query.calls()


def units_of(tenants: Iterable[Tenant], dates: Dates, days: Sequence[date]) -> Iterator[UnitUse]:
    """Chips and tools of the tenants."""
    for query in _queries(tenants, dates, days, ()):
        for kind in ("chip", "tool"):
            for use in query.units(kind):
                yield UnitUse(use.tenant, kind, use.name, use.day, use.quantity)


def health_of(tenants: Sequence[Tenant], since: datetime) -> list[Health]:
    """How ingestion stands for each of the tenants, counted from a moment."""
    if not tenants:
        return []
    ids = [tenant.pk for tenant in tenants]
    intake = {row.tenant: row for row in intake_since(ids, since)}
    waiting, rolled = waiting_since(ids), rolled_up_until(ids)
    alerts: dict[int, int] = defaultdict(int)
    for pk in IngestionAlert.objects.filter(hour__gte=since).values_list("tenant_id", flat=True):
        alerts[pk] += 1
    return [
        Health(
            tenant=tenant,
            intake=intake.get(tenant.pk),
            waiting=waiting.get(tenant.pk, (0, 0, None))[0],
            unmetered=waiting.get(tenant.pk, (0, 0, None))[1],
            waiting_since=waiting[tenant.pk][2] if tenant.pk in waiting else None,
            rolled_up_until=rolled.get(tenant.pk),
            alerts=alerts[tenant.pk],
        )
        for tenant in tenants
    ]


def _queries(
    tenants: Iterable[Tenant], dates: Dates, days: Sequence[date], thresholds: Sequence[int]
) -> Iterator[TenantsUseQuery]:
    by_zone: dict[str, list[int]] = defaultdict(list)
    for tenant in tenants:
        by_zone[tenant.timezone].append(tenant.pk)
    for zone, ids in sorted(by_zone.items()):
        start, end = dates(zone)
        yield TenantsUseQuery(
            tenants=tuple(ids),
            timezone=zone,
            start=start,
            end=end,
            days=tuple(days),
            thresholds=tuple(thresholds),
        )
