"""Whether everything that came is somewhere: accepted, a duplicate, or in quarantine.

By hour of the event store's clock. What a killed writer left is counted first, then what the door
wrote down is compared with what the tables hold.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from metering.clickhouse import intake
from metering.clickhouse.barrier import store_now
from metering.clickhouse.event_columns import from_micros
from metering.clickhouse.intake import IntakeHour
from metering.clickhouse.intake_check import Fault, faults
from metering.clickhouse.rollup import HOUR, scanned_until
from metering.models import IngestionAlert, IngestionCheck, Tenant
from metering.notices.queue import Told, tell
from metering.usage.period import Period

logger = logging.getLogger(__name__)
# A writer that has not come to an end after so long is taken for dead. If it was not, what it
# writes down itself replaces what was added for it.
GRACE = timedelta(minutes=2)
# The first check looks back so far; a later one begins where the one before ended, less an hour for
# what a hanging writer may have written down since.
_FIRST_CHECK = 48 * HOUR
# Before anything was ever received, and within what the store can count back from.
_FIRST = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class HourLine:
    """An hour as it was received, and what is wrong with it."""

    counts: IntakeHour
    faults: Sequence[Fault] = ()

    @property
    def adds_up(self) -> bool:
        return not self.faults

    @property
    def explanation(self) -> str:
        return "; ".join(f"{fault.events} {fault.wrong}" for fault in self.faults)


def ledger(tenant: Tenant, period: Period, settled: datetime) -> list[HourLine]:
    """Every hour that begins in the period and in which something was received, or is wrong.

    What was received after `settled` may be under way still, and is not looked for.
    """
    lines = {line.hour: line for line in intake.hours(tenant.id, period)}
    wrong: dict[datetime, list[Fault]] = defaultdict(list)
    start = floor_hour(period.start + HOUR - _MICROSECOND)
    if start < min(period.end, settled):
        for fault in faults(tenant.id, Period(start, min(period.end, settled))):
            wrong[fault.hour].append(fault)
    return [
        HourLine(lines.get(hour, IntakeHour(hour)), wrong.get(hour, []))
        for hour in sorted(lines.keys() | wrong.keys())
    ]


def total(lines: Iterable[HourLine], hour: datetime) -> IntakeHour:
    """All counts together, under one hour."""
    columns = zip(*(line.counts[1:] for line in lines), strict=True)
    return IntakeHour(hour, *map(sum, columns))


def recover_received(tenant: Tenant, until: datetime) -> int:
    """Count what killed writers left since the last rollup; returns how many commits."""
    since = from_micros(scanned_until(tenant.id)) - GRACE
    return recover_between(tenant, since, until - GRACE)


def recover_between(tenant: Tenant, since: datetime, until: datetime) -> int:
    """Count what killed writers stored in between and never wrote down; how many commits."""
    since = max(since, _FIRST)
    found = intake.recover(tenant.id, Period(since, until)) if since < until else 0
    if found:
        logger.warning("%s: counted %d commits that were never answered", tenant, found)
    return found


def settled_until() -> datetime:
    """Before this moment of the store's clock nothing is under way any more."""
    return store_now() - GRACE


def check_closed_hours(tenants: Iterable[Tenant]) -> list[IngestionAlert]:
    """Store an alert for each hour that is over and does not add up; each is reported once."""
    end = floor_hour(settled_until())
    return [alert for tenant in tenants for alert in _check_until(tenant, end)]


def _check_until(tenant: Tenant, end: datetime) -> list[IngestionAlert]:
    start = end - _FIRST_CHECK
    kept, _ = IngestionCheck.objects.get_or_create(tenant=tenant, defaults={"until": start})
    raised = _check_hours(tenant, Period(min(kept.until, end) - HOUR, end))
    # Kept last: a check that is killed is made again, and an hour is reported once all the same.
    IngestionCheck.objects.filter(tenant=tenant, until__lt=end).update(until=end)
    return raised


def _check_hours(tenant: Tenant, period: Period) -> list[IngestionAlert]:
    recover_between(tenant, period.start, period.end)
    raised = []
    for line in ledger(tenant, period, period.end):
        if line.adds_up:
            continue
        alert, is_new = IngestionAlert.objects.get_or_create(
            tenant=tenant, hour=line.counts.hour, defaults={"detail": line.explanation}
        )
        if is_new:
            logger.error("ingestion does not add up: %s", alert)
            tell(tenant, _told(alert))
            raised.append(alert)
    return raised


def _told(alert: IngestionAlert) -> Told:
    hour = f"{alert.hour:%Y-%m-%d %H:%M} UTC"
    return Told(
        key=f"ingestion/{alert.pk}",
        kind="ingestion.fault",
        subject=f"Ingestion does not add up at {hour}",
        text=f"Of what came in the hour from {hour}: {alert.detail}",
        data={"hour": alert.hour.isoformat(), "detail": alert.detail},
    )


def floor_hour(moment: datetime) -> datetime:
    """The full hour of UTC that a moment is in."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
