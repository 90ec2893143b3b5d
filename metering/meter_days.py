"""Keeps what tenants used by local day up to date, for closing months; many tenants at a time."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice

from django.conf import settings

from metering.clickhouse import meter_days, trace_spans
from metering.clickhouse.barrier import store_now
from metering.clickhouse.chip_query import chips_begun
from metering.clickhouse.event_columns import micros
from metering.clickhouse.meter_days import MeterDays, Scan
from metering.clickhouse.meter_days_query import derived_since
from metering.models import Tenant
from metering.spans import agree_received

__all__ = ["bring_up", "chips_begun", "derived_since"]

_TENANTS_AT_ONCE = 500


def bring_up(tenants: Iterable[Tenant]) -> datetime:
    """Derive every day that events received until now have touched; returns until when.

    That moment is fit for a watermark: what was received before it is settled for ever, and is in
    the days. Safe to run twice and by several workers at once.
    """
    tenants = list(tenants)
    until, scans = _settled_moment(tenants)
    for tenant in _with_unfinished_spans(tenants, scans, until):
        agree_received(tenant, until, _since(tenant, scans))
    for some in _lots(tenants):
        _derive_changed({tenant: _since(tenant, scans) for tenant in some}, until)
    return until


def _derive_changed(since: Mapping[Tenant, int], until: datetime) -> None:
    known = {tenant.pk: moment for tenant, moment in since.items() if moment}
    changed = meter_days.changed(known, until)
    by_zone: dict[str, dict[int, int]] = defaultdict(dict)
    for tenant, moment in since.items():
        if tenant.pk in changed or not moment:
            by_zone[tenant.timezone][tenant.pk] = moment
    for zone, moments in by_zone.items():
        MeterDays(
            since=moments, timezone=zone, until=until, min_tasks=settings.DAA_MIN_TASKS
        ).derive()


def _settled_moment(tenants: Sequence[Tenant]) -> tuple[datetime, dict[int, Scan]]:
    """A moment that nobody has derived any of the days after, and what was derived before."""
    while True:
        until = store_now()
        scans = {
            tenant: scan
            for some in _lots(tenants)
            for tenant, scan in meter_days.read_scans([item.pk for item in some]).items()
        }
        if all(scan.until <= micros(until) for scan in scans.values()):
            return until, scans


def _since(tenant: Tenant, scans: dict[int, Scan]) -> int:
    """From when on (µs) events may be missing; 0 where the days are of another clock or rule."""
    scan = scans.get(tenant.pk)
    as_now = scan and (scan.timezone, scan.min_tasks) == (tenant.timezone, settings.DAA_MIN_TASKS)
    return scan.until if scan and as_now else 0


def _with_unfinished_spans(
    tenants: Sequence[Tenant], scans: dict[int, Scan], until: datetime
) -> Iterator[Tenant]:
    """Those of whose spans any was received meanwhile: a killed writer may have left its events."""
    for some in _lots(tenants):
        since = {tenant.pk: _since(tenant, scans) for tenant in some}
        touched = trace_spans.tenants_touched(since, micros(until))
        yield from (tenant for tenant in some if tenant.pk in touched)


def _lots(tenants: Iterable[Tenant]) -> Iterator[list[Tenant]]:
    waiting = iter(tenants)
    while some := list(islice(waiting, _TENANTS_AT_ONCE)):
        yield some
