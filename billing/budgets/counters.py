"""The counters of a tenant's budgets: found, locked, and told when a threshold is reached."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.db.models import Q
from django.utils import timezone

from billing.budgets.models import THRESHOLDS, Budget, BudgetAlert, BudgetCounter
from billing.rating.money import EXACT, plain
from metering.models import Tenant
from metering.notices.queue import Told, tell


def spent(counter: BudgetCounter) -> Decimal:
    """What was settled, and what others spent who settled nothing."""
    return EXACT.add(counter.settled, counter.others)


def committed(counter: BudgetCounter) -> Decimal:
    """What is spent or reserved."""
    return EXACT.add(spent(counter), counter.reserved)


def today(tenant: Tenant, now: datetime) -> date:
    """The day on the tenant's calendar."""
    return now.astimezone(ZoneInfo(tenant.timezone)).date()


def budgets_of(tenant: Tenant) -> list[Budget]:
    """Those that are in force."""
    found = list(Budget.objects.filter(tenant=tenant, enabled=True).order_by("pk"))
    for budget in found:
        budget.tenant = tenant
    return found


def locked_counters(budgets: Sequence[Budget], day: date) -> list[BudgetCounter]:
    """The counters of the periods that a day is in, made where there are none, and held."""
    starts = {budget.pk: budget.start_of(day) for budget in budgets}
    if not starts:
        return []
    same = Q()
    for pk, start in starts.items():
        same |= Q(budget=pk, start=start)
    found = _locked(same)
    missing = starts.keys() - {counter.budget_id for counter in found}
    if missing:
        rows = [BudgetCounter(budget_id=pk, start=starts[pk]) for pk in sorted(missing)]
        BudgetCounter.objects.bulk_create(rows, ignore_conflicts=True)
        found = _locked(same)
    known = {budget.pk: budget for budget in budgets}
    for counter in found:
        counter.budget = known[counter.budget_id]
    return found


def lock_again(counters: Iterable[BudgetCounter]) -> list[BudgetCounter]:
    """These, as they are now, and held."""
    found = _locked(Q(pk__in=[counter.pk for counter in counters]))
    budgets = Budget.objects.select_related("tenant").in_bulk([c.budget_id for c in found])
    for counter in found:
        counter.budget = budgets[counter.budget_id]
    return found


def _locked(which: Q) -> list[BudgetCounter]:
    """In one order, so that nobody waits in a ring."""
    rows = BudgetCounter.objects.select_for_update(no_key=True).filter(which)
    return list(rows.order_by("pk"))


def raise_alerts(counter: BudgetCounter) -> None:
    """Tell of every threshold that is reached and was not told of; the counter is held."""
    budget, so_far = counter.budget, spent(counter)
    reached = [
        threshold
        for threshold in THRESHOLDS
        if counter.alerted < threshold
        and EXACT.multiply(so_far, Decimal(100))
        >= EXACT.multiply(budget.amount, Decimal(threshold))
    ]
    for threshold in reached:
        alert = BudgetAlert(
            counter=counter, threshold=threshold, spent=so_far, amount=budget.amount
        )
        alert.save(force_insert=True)
        tell(budget.tenant, _told(alert))
    if reached:
        counter.alerted = reached[-1]
        counter.save(update_fields=["alerted"])


def _told(alert: BudgetAlert) -> Told:
    counter, budget = alert.counter, alert.counter.budget
    period = f"{counter.start:%Y-%m}" if budget.period == Budget.MONTH else f"{counter.start}"
    money = f"{plain(alert.spent)} of {plain(alert.amount)} {budget.tenant.currency}"
    return Told(
        key=f"budget/{budget.pk}/{counter.start}/{alert.threshold}",
        kind="budget.threshold",
        subject=f"Budget {budget.code}: {alert.threshold} % spent",
        text=(
            f"The budget {budget.code} ({budget.scope}) of {budget.tenant.name} has reached"
            f" {alert.threshold} % in {period}: {money} are spent."
        ),
        data={
            "budget": budget.code,
            "scope": budget.scope,
            "period": budget.period,
            "period_start": counter.start.isoformat(),
            "threshold": alert.threshold,
            "spent": plain(alert.spent),
            "amount": plain(alert.amount),
            "currency": budget.tenant.currency,
            "hard": budget.hard,
            "fired_at": timezone.now().isoformat(),
        },
    )
