"""How a tenant's budgets stand in their running periods. Nothing is written."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.utils import timezone

from billing.budgets.counters import budgets_of, committed, spent, today
from billing.budgets.models import THRESHOLDS, Budget, BudgetCounter
from billing.rating.money import EXACT, ZERO
from metering.models import Tenant
from metering.usage.period import Period


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetRow:
    """A budget and its counter; by threshold when it was reached, None where it was not."""

    budget: Budget
    start: date
    period: Period
    counter: BudgetCounter
    alerts: dict[int, datetime | None]

    @property
    def amount(self) -> Decimal:
        return self.budget.amount

    @property
    def settled(self) -> Decimal:
        return self.counter.settled

    @property
    def others(self) -> Decimal:
        return self.counter.others

    @property
    def reserved(self) -> Decimal:
        return self.counter.reserved

    @property
    def measured(self) -> Decimal | None:
        return self.counter.measured

    @property
    def measured_at(self) -> datetime | None:
        return self.counter.measured_at

    @property
    def unpriced(self) -> list[str]:
        found: list[str] = self.counter.unpriced
        return found

    @property
    def spent(self) -> Decimal:
        return spent(self.counter)

    @property
    def left(self) -> Decimal:
        return max(EXACT.subtract(self.amount, committed(self.counter)), ZERO)

    @property
    def difference(self) -> Decimal | None:
        return None if self.measured is None else EXACT.subtract(self.settled, self.measured)


def rows(tenant: Tenant) -> list[BudgetRow]:
    """By code, what is in force."""
    day = today(tenant, timezone.now())
    budgets = {budget.pk: budget for budget in budgets_of(tenant)}
    counters = BudgetCounter.objects.filter(budget__in=budgets, start__in=_starts(budgets, day))
    found = {(one.budget_id, one.start): one for one in counters.prefetch_related("alerts")}
    made = [_row(budget, day, found) for budget in budgets.values()]
    return sorted(made, key=lambda row: row.budget.code)


def month_budget(tenant: Tenant) -> Budget | None:
    """The tightest one of everything the tenant spends in a month."""
    whole = [one for one in budgets_of(tenant) if one.period == Budget.MONTH and one.is_whole]
    return min(whole, key=lambda one: (one.amount, one.pk), default=None)


def _starts(budgets: dict[int, Budget], day: date) -> set[date]:
    return {budget.start_of(day) for budget in budgets.values()}


def _row(budget: Budget, day: date, found: dict[tuple[int, date], BudgetCounter]) -> BudgetRow:
    start = budget.start_of(day)
    counter = found.get((budget.pk, start)) or BudgetCounter(budget=budget, start=start)
    fired = {a.threshold: a.fired_at for a in counter.alerts.all()} if counter.pk else {}
    return BudgetRow(
        budget=budget,
        start=start,
        period=budget.period_of(start),
        counter=counter,
        alerts={threshold: fired.get(threshold) for threshold in THRESHOLDS},
    )
