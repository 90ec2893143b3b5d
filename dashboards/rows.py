"""The rows that the overview is made of, read from the other two apps."""

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from billing import queries as billing
from billing.budgets.models import Budget
from billing.budgets.queries import month_budget
from billing.queries import BurstRow, EfficiencyRow, SpendDay
from dashboards.ledger import Ledger, efficiency_row, read_ledger, spend_day, union
from dashboards.ranges import DateRange
from metering import queries as metering
from metering.alerts import open_alert
from metering.models import Alert, Tenant
from metering.queries import Quarantined, UsageRow
from metering.usage.active import ActiveDay

SPARK_DAYS = 14
WEEK = 7
# More of the quarantine than this is said to be "more than".
QUARANTINE_MOST = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class OverviewRows:
    """All of one tenant and range; `before` is the total of the range it is compared with, if any;
    `alert` is what is firing now, whatever the range.
    `last_month`, whole, and `budget` are there where the range is the running month.

    `active` begins a week before the range, `agent_days` are the 14 days that end with it.
    """

    read_at: datetime
    total: EfficiencyRow
    usage: UsageRow
    spend: list[SpendDay]
    active: list[ActiveDay]
    by_day: list[EfficiencyRow]
    by_agent: list[EfficiencyRow]
    agent_usage: list[UsageRow]
    agent_days: list[EfficiencyRow]
    bursts: list[BurstRow]
    quarantined: list[Quarantined]
    before: EfficiencyRow | None
    alert: Alert | None = None
    last_month: EfficiencyRow | None = None
    budget: Budget | None = None


def read_overview(tenant: Tenant, dates: DateRange, *, compare: bool) -> OverviewRows:
    """Everything the overview shows. Raises StoreUnavailable."""
    previous, last_days = dates.previous, dates.last(SPARK_DAYS)
    ledger = read_ledger(tenant, dates.from_(min(previous.start, last_days.start)))
    # One look at all cells for each direction; the total is that of the days.
    agents, days = ledger.by_value(dates), ledger.by_day(dates)
    total = union(days.values())
    return OverviewRows(
        read_at=timezone.now(),
        total=efficiency_row(total),
        usage=UsageRow(group={}, tasks=total.tasks, succeeded_tasks=total.succeeded),
        spend=[spend_day(day, work) for day, work in days.items()],
        active=metering.daa(tenant, dates.before(WEEK).period),
        by_day=[efficiency_row(work, day=day.isoformat()) for day, work in days.items()],
        by_agent=[efficiency_row(work, agent=agent) for agent, work in agents.items()],
        agent_usage=[
            UsageRow(group={"agent": agent}, tasks=work.tasks, succeeded_tasks=work.succeeded)
            for agent, work in agents.items()
        ],
        agent_days=_agent_days(ledger, last_days),
        bursts=billing.bursts(tenant, dates.period),
        quarantined=metering.quarantined(tenant, QUARANTINE_MOST + 1),
        before=efficiency_row(ledger.total(previous)) if compare else None,
        alert=open_alert(tenant),
        last_month=efficiency_row(ledger.total(dates.earlier)) if dates.is_running_month else None,
        budget=month_budget(tenant) if dates.is_running_month else None,
    )


def has_events(tenant: Tenant, dates: DateRange) -> bool:
    """Whether anything was received for the range."""
    return bool(metering.usage_types(tenant, dates.period))


def _agent_days(ledger: Ledger, dates: DateRange) -> list[EfficiencyRow]:
    return [
        efficiency_row(work, day=day.isoformat(), agent=agent)
        for (day, agent), work in ledger.cells.items()
        if day in dates
    ]
