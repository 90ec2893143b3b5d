"""What of budgets was spent by events, and whether counters are what reservations make them."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal

from django.db import transaction
from django.utils import timezone

from billing import queries
from billing.budgets.counters import budgets_of, lock_again, locked_counters, raise_alerts, today
from billing.budgets.models import Budget, BudgetCounter, BudgetReservation
from billing.rating.money import EXACT, ZERO, plain
from metering.models import Tenant

Groups = dict[tuple[str, ...], queries.GroupCost]


def measure(tenant: Tenant) -> None:
    """Look up what the events of the running periods cost, and tell of thresholds reached.

    What cannot be priced is left out and named. Spend is what `GET /api/v1/usage` calls cost.
    """
    budgets = budgets_of(tenant)
    day = today(tenant, timezone.now())
    costs = {budget.pk: cost for budget, cost in _costs(tenant, budgets, day)}
    with transaction.atomic():
        for counter in locked_counters(budgets, day):
            cost = costs[counter.budget_id]
            counter.measured = _known(cost)
            counter.measured_at = timezone.now()
            counter.unpriced = cost.unpriced
            counter.others = max(EXACT.subtract(counter.measured, counter.settled), ZERO)
            counter.save()
            raise_alerts(counter)


def _costs(
    tenant: Tenant, budgets: Iterable[Budget], day: date
) -> Iterator[tuple[Budget, queries.GroupCost]]:
    """One query for all budgets of the same period and kind of scope."""
    asked: dict[tuple[date, str, tuple[str, ...]], list[Budget]] = defaultdict(list)
    for budget in budgets:
        asked[budget.start_of(day), budget.period, _names(budget)].append(budget)
    for (start, _, names), alike in asked.items():
        found: Groups = queries.costs(tenant, alike[0].period_of(start), names)
        for budget in alike:
            yield budget, found.get(_values(budget), queries.GroupCost())


def _names(budget: Budget) -> tuple[str, ...]:
    agent = ("agent",) if budget.agent else ()
    return (*agent, f"labels.{budget.label}") if budget.label else agent


def _values(budget: Budget) -> tuple[str, ...]:
    agent = (budget.agent,) if budget.agent else ()
    return (*agent, budget.value) if budget.label else agent


def _known(cost: queries.GroupCost) -> Decimal:
    """What has a price."""
    calls, units = cost.calls, cost.units
    parts = (calls.useful, calls.repeated, calls.failed, calls.retried, units.chips, units.tools)
    total = ZERO
    for part in parts:
        total = EXACT.add(total, part)
    return total


def differences(tenant: Tenant) -> Iterator[str]:
    """Where a counter is not what its reservations make it, a sentence each."""
    for counter in BudgetCounter.objects.filter(budget__tenant=tenant).select_related("budget"):
        for name, booked in zip(("settled", "reserved"), _booked(counter), strict=True):
            there = getattr(counter, name)
            if there != booked:
                yield f"{counter}: {name} is {plain(there)}, and {plain(booked)} was booked"


def rebuild(tenant: Tenant) -> None:
    """Make every counter what its reservations make it."""
    for counter in BudgetCounter.objects.filter(budget__tenant=tenant):
        with transaction.atomic():
            [held] = lock_again([counter])
            held.settled, held.reserved = _booked(held)
            held.save(update_fields=["settled", "reserved"])


def _booked(counter: BudgetCounter) -> tuple[Decimal, Decimal]:
    """What is settled and what is held by the reservations."""
    settled = reserved = ZERO
    rows = counter.reservations.values_list("state", "amount", "settled")
    for state, amount, spent in rows.iterator():
        if state == BudgetReservation.SETTLED and spent is not None:
            settled = EXACT.add(settled, spent)
        elif state == BudgetReservation.HELD:
            reserved = EXACT.add(reserved, amount)
    return settled, reserved
