"""The rows that the overview is made of, read from the other two apps."""

from dataclasses import dataclass

from billing import queries as billing
from billing.queries import BurstRow, EfficiencyRow, SpendDay
from dashboards.ranges import DateRange
from metering import queries as metering
from metering.models import Tenant
from metering.queries import UsageRow
from metering.usage.active import ActiveDay

SPARK_DAYS = 14
WEEK = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class OverviewRows:
    """All of one tenant and range; `before` is the total of the range it is compared with.

    `active` begins a week before the range, `agent_days` are the 14 days that end with it.
    """

    total: EfficiencyRow
    usage: UsageRow
    spend: list[SpendDay]
    active: list[ActiveDay]
    by_day: list[EfficiencyRow]
    by_agent: list[EfficiencyRow]
    agent_usage: list[UsageRow]
    agent_days: list[EfficiencyRow]
    bursts: list[BurstRow]
    before: EfficiencyRow | None = None


def read_overview(tenant: Tenant, dates: DateRange, *, compare: bool) -> OverviewRows:
    """Everything the overview shows. Raises StoreUnavailable."""
    period = dates.period
    return OverviewRows(
        total=billing.efficiency(tenant, period)[0],
        usage=metering.usage(tenant, period)[0],
        spend=billing.spend_by_day(tenant, period),
        active=metering.daa(tenant, dates.before(WEEK).period),
        by_day=billing.efficiency(tenant, period, ("day",)),
        by_agent=billing.efficiency(tenant, period, ("agent",)),
        agent_usage=metering.usage(tenant, period, ("agent",)),
        agent_days=billing.efficiency(tenant, dates.last(SPARK_DAYS).period, ("day", "agent")),
        bursts=billing.bursts(tenant, period),
        before=billing.efficiency(tenant, dates.previous.period)[0] if compare else None,
    )


def has_events(tenant: Tenant, dates: DateRange) -> bool:
    """Whether anything was received for the range."""
    return bool(metering.usage_types(tenant, dates.period))
