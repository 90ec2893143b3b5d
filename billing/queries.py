"""Numbers with money in them, for API and dashboards. Scoped to a tenant by construction."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Context, Decimal

from django.db.models import QuerySet

from billing.burst_queries import BurstRow, bursts
from billing.costs import Cost, CostBook
from billing.models import Invoice
from billing.rating.money import EXACT, ZERO
from billing.terms import cost_book
from metering import queries
from metering.models import Tenant
from metering.usage.calls import FAILED, RETRIED, PricedCalls
from metering.usage.efficiency import TokenSums, share
from metering.usage.meter import LABEL
from metering.usage.period import Period, local_days

__all__ = [
    "BurstRow",
    "CostedUsage",
    "EfficiencyRow",
    "SpendDay",
    "bursts",
    "costs",
    "efficiency",
    "invoices",
    "spend_by_day",
    "usage",
]

Names = tuple[str, ...]

# What a group of tasks, and one of model calls, can be told apart by; calls stand under "" of
# anything else.
TASK_DIMENSIONS = ("day", "agent", "task")
CALL_DIMENSIONS = ("day", "agent", "task", "provider", "model", "modality", "service_tier")
# A cost per something is looked at and never added up, so a quotient may end here.
_QUOTIENT = Context(prec=28)
_MILLION = Decimal(1_000_000)
# Later than any event: usage as of this moment, straight from the events and not from rollups.
_NO_WATERMARK = datetime(2200, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class GroupCost:
    """What a group's model calls cost, and apart from that its chips and tools."""

    calls: Cost = field(default_factory=Cost)
    units: Cost = field(default_factory=Cost)

    @property
    def total(self) -> Decimal | None:
        """Everything, None when something has no price."""
        calls, units = self.calls.total, self.units.total
        return None if calls is None or units is None else EXACT.add(calls, units)

    @property
    def unpriced(self) -> list[str]:
        return sorted(self.calls.unpriced | self.units.unpriced)


@dataclass(frozen=True, slots=True)
class CostedUsage:
    """What a group used and what it cost; the cost is None when something has no price."""

    usage: queries.UsageRow
    cost: Decimal | None
    unpriced: list[str]


@dataclass(frozen=True, slots=True)
class EfficiencyRow:
    """How much of a group's tokens was of use, and what that cost."""

    group: dict[str, str]
    sums: TokenSums
    cost: GroupCost
    # None by what a task has none of, such as a model: one task may call several.
    succeeded_tasks: int | None
    work: queries.RepeatWork | None = None

    @property
    def repeat_tasks(self) -> int | None:
        """Succeeded tasks that did what another had succeeded with before."""
        return self.work.repeated if self.work else None

    @property
    def repeat_work(self) -> Decimal | None:
        """Their share of the succeeded tasks."""
        return share(self.work.repeated, self.work.succeeded) if self.work else None

    @property
    def token_cost(self) -> Decimal | None:
        return self.cost.calls.total

    @property
    def cost_per_million_tokens(self) -> Decimal | None:
        return _per(self.token_cost, self.sums.total_tokens, _MILLION)

    @property
    def token_efficiency_cost(self) -> Decimal | None:
        """The cost of a million tokens that helped to finish a task."""
        return _per(self.token_cost, self.sums.effective_tokens, _MILLION)

    @property
    def cost_per_succeeded_task(self) -> Decimal | None:
        """Tokens, chips and tools of all tasks, for each one that succeeded."""
        return _per(self.cost.total, self.succeeded_tasks)

    @property
    def saving_in_reach(self) -> Decimal | None:
        return None if self.cost.calls.unpriced else self.cost.calls.saving

    @property
    def unpriced(self) -> list[str]:
        return self.cost.unpriced


@dataclass(frozen=True, slots=True, kw_only=True)
class SpendDay:
    """What a local day cost the operator, by what became of it."""

    date: date
    useful: Decimal = ZERO
    repeated: Decimal = ZERO
    failed: Decimal = ZERO
    retried: Decimal = ZERO
    chips: Decimal = ZERO
    tools: Decimal = ZERO
    unpriced: list[str] = field(default_factory=list)


def usage(tenant: Tenant, period: Period, group_by: Names = ()) -> list[CostedUsage]:
    """Usage with its cost, by group, as of this moment; one row without `group_by`."""
    costs = _costs(tenant, period, group_by, _NO_WATERMARK)
    rows = []
    for row in queries.usage(tenant, period, group_by):
        cost = costs.get(tuple(row.group.values()), GroupCost())
        rows.append(CostedUsage(row, cost.total, cost.unpriced))
    return rows


def efficiency(tenant: Tenant, period: Period, group_by: Names = ()) -> list[EfficiencyRow]:
    """Token efficiency by group, from the rollups; one row without `group_by`."""
    book = cost_book(tenant.currency)
    sums: dict[Names, TokenSums] = defaultdict(TokenSums)
    if not group_by:
        sums[()] = TokenSums()
    costs: dict[Names, GroupCost] = defaultdict(GroupCost)
    for group, calls in _calls(tenant, period, group_by, book):
        sums[group] += token_sums(calls)
        book.add_calls(costs[group].calls, calls)
    _add_units(costs, tenant, period, group_by, book)
    of_tasks = all(name in TASK_DIMENSIONS or name.startswith(LABEL) for name in group_by)
    succeeded, work = _of_tasks(tenant, period, group_by) if of_tasks else ({}, {})
    nothing = queries.RepeatWork({}, 0, 0) if of_tasks else None
    return [
        EfficiencyRow(
            dict(zip(group_by, group, strict=True)),
            sums[group],
            costs[group],
            succeeded.get(group, 0) if of_tasks else None,
            work.get(group, nothing),
        )
        for group in sorted({*sums, *costs, *succeeded} if of_tasks else sums)
    ]


def _of_tasks(
    tenant: Tenant, period: Period, group_by: Names
) -> tuple[dict[Names, int], dict[Names, queries.RepeatWork]]:
    """The succeeded tasks of each group that has any, and which of them were done before."""
    usage_rows = queries.usage(tenant, period, group_by)
    work = queries.repeat_work(tenant, period, group_by)
    return (
        {tuple(r.group.values()): r.succeeded_tasks for r in usage_rows if r.succeeded_tasks},
        {tuple(found.group.values()): found for found in work},
    )


def costs(tenant: Tenant, period: Period, group_by: Names) -> dict[Names, GroupCost]:
    """What each group cost the operator, from the rollups; groups without any cost are left out."""
    return dict(_costs(tenant, period, group_by))


def spend_by_day(tenant: Tenant, period: Period) -> list[SpendDay]:
    """The operator's cost of each local day, days without any included, from the rollups."""
    costs = _costs(tenant, period, ("day",))
    return [
        _spend_day(day, costs.get((day.isoformat(),), GroupCost()))
        for day in local_days(period, tenant.timezone)
    ]


def invoices(tenant: Tenant) -> QuerySet[Invoice]:
    """The tenant's invoices and drafts, the latest month first."""
    return Invoice.objects.filter(tenant=tenant)


def token_sums(calls: PricedCalls) -> TokenSums:
    """The sums that efficiency is computed from; waste is counted once, repetition first."""
    beside = calls.total_tokens - calls.repeated_tokens
    return TokenSums(
        requests=calls.requests,
        input_tokens=calls.input_tokens,
        cache_read_tokens=calls.cache_read_tokens,
        cache_write_tokens=calls.cache_write_tokens,
        cache_write_long_tokens=calls.cache_write_long_tokens,
        output_tokens=calls.output_tokens,
        reasoning_tokens=calls.reasoning_tokens,
        reusable_tokens=calls.reusable_tokens,
        repeated_tokens=calls.repeated_tokens,
        failed_tokens=beside if calls.outcome == FAILED else 0,
        retried_tokens=beside if calls.outcome == RETRIED else 0,
    )


def _spend_day(day: date, cost: GroupCost) -> SpendDay:
    return SpendDay(
        date=day,
        useful=cost.calls.useful,
        repeated=cost.calls.repeated,
        failed=cost.calls.failed,
        retried=cost.calls.retried,
        chips=cost.units.chips,
        tools=cost.units.tools,
        unpriced=cost.unpriced,
    )


def _costs(
    tenant: Tenant, period: Period, group_by: Names, received_before: datetime | None = None
) -> dict[Names, GroupCost]:
    book = cost_book(tenant.currency)
    costs: dict[Names, GroupCost] = defaultdict(GroupCost)
    for group, calls in _calls(tenant, period, group_by, book, received_before):
        book.add_calls(costs[group].calls, calls)
    _add_units(costs, tenant, period, group_by, book)
    return costs


def _calls(
    tenant: Tenant,
    period: Period,
    group_by: Names,
    book: CostBook,
    received_before: datetime | None = None,
) -> list[tuple[Names, PricedCalls]]:
    """Model calls, each with its values of every name in `group_by`."""
    known = tuple(name for name in group_by if name in CALL_DIMENSIONS or name.startswith(LABEL))
    found = queries.priced_calls(tenant, period, known, book.thresholds, received_before)
    other = {name: "agent.tokens" if name == "type" else "" for name in group_by}
    return [(tuple((other | group)[name] for name in group_by), calls) for group, calls in found]


def _add_units(
    costs: dict[Names, GroupCost], tenant: Tenant, period: Period, group_by: Names, book: CostBook
) -> None:
    for kind in ("chip", "tool"):
        for use in queries.daily_use(tenant, period, kind, group_by):
            cost = costs[tuple(use.group.values())].units
            book.add_units(cost, kind, use.name, use.day, use.quantity)


def _per(amount: Decimal | None, count: int | None, unit: Decimal = Decimal(1)) -> Decimal | None:
    """The amount for each `unit` of a count, None of no count or an unknown amount."""
    if amount is None or not count:
        return None
    return _QUOTIENT.divide(EXACT.multiply(amount, unit), Decimal(count))
