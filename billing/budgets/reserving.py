"""Reserving before spending, and settling what was spent: each once for its key.

A reservation fits where what is spent or reserved, with it, is within every hard budget that it
falls under. That is looked at and booked while the counters are held, so no two pass together. What
is settled is booked whole, also above what was reserved: it is spent.
"""

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from threading import Lock

from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from billing.budgets.counters import (
    budgets_of,
    committed,
    lock_again,
    locked_counters,
    raise_alerts,
    today,
)
from billing.budgets.models import BudgetCounter, BudgetReservation
from billing.rating.money import EXACT, ZERO, plain
from metering.models import Tenant

LONGEST = timedelta(days=1)
USUAL = timedelta(minutes=10)
_AT_ONCE = 500
_State = BudgetReservation
# SQLite lets one write and has the others look again now and then, whoever came first; threads of
# one process line up here instead.
_queue = Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What an agent means to spend, and for how long it may say nothing."""

    key: str
    amount: Decimal
    agent: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    lasts: timedelta = USUAL


class KeyConflict(Exception):
    """The key was used with other content; the message begins with the field that differs."""


class UnknownReservation(Exception):
    """The tenant has no reservation of this key."""


class DoesNotFit(Exception):
    """A hard budget has not so much left."""

    def __init__(self, counter: BudgetCounter, asked: Decimal) -> None:
        self.budget, self.start, self.asked = counter.budget, counter.start, asked
        self.left = max(EXACT.subtract(counter.budget.amount, committed(counter)), ZERO)
        self.reserved = counter.reserved
        super().__init__(
            f"amount: {plain(asked)} {self.budget.tenant.currency} do not fit into the budget"
            f" {self.budget.code} ({self.budget.scope}): {plain(self.left)} of"
            f" {plain(self.budget.amount)} are left"
        )


def reserve(tenant: Tenant, ask: Ask) -> BudgetReservation:
    """The reservation of this key. Raises DoesNotFit, KeyConflict."""
    try:
        return _reserve(tenant, ask)
    except IntegrityError:
        # The same key at once, under no budget that would have made one wait for the other.
        return _same(BudgetReservation.objects.get(tenant=tenant, key=ask.key), ask)
    except DoesNotFit:
        # What others reserved and left lying may make room.
        if not expire_due(tenant):
            raise
        return _reserve(tenant, ask)


def _reserve(tenant: Tenant, ask: Ask) -> BudgetReservation:
    now = timezone.now()
    budgets = [one for one in budgets_of(tenant) if one.covers(ask.agent, ask.labels)]
    with _in_turn(), transaction.atomic():
        counters = locked_counters(budgets, today(tenant, now))
        known = BudgetReservation.objects.filter(tenant=tenant, key=ask.key).first()
        if known is not None:
            return _same(known, ask)
        for counter in counters:
            _check_room(counter, ask.amount)
        return _held(tenant, ask, counters, now)


def _in_turn() -> AbstractContextManager[object]:
    return _queue if connection.vendor == "sqlite" else nullcontext()


def _check_room(counter: BudgetCounter, asked: Decimal) -> None:
    if counter.budget.hard and EXACT.add(committed(counter), asked) > counter.budget.amount:
        raise DoesNotFit(counter, asked)


def _held(
    tenant: Tenant, ask: Ask, counters: list[BudgetCounter], now: datetime
) -> BudgetReservation:
    made = BudgetReservation.objects.create(
        tenant=tenant,
        key=ask.key,
        agent=ask.agent,
        labels=ask.labels,
        amount=ask.amount,
        made_at=now,
        expires_at=now + ask.lasts,
    )
    for counter in counters:
        counter.reserved = EXACT.add(counter.reserved, ask.amount)
    _link(made, counters)
    BudgetCounter.objects.bulk_update(counters, ["reserved"])
    return made


def _link(made: BudgetReservation, counters: list[BudgetCounter]) -> None:
    """One statement: the reservation is new, so that none of them can be there."""
    through = BudgetReservation.counters.through
    through._default_manager.bulk_create(
        through(budgetreservation_id=made.pk, budgetcounter_id=counter.pk) for counter in counters
    )


def _same(known: BudgetReservation, ask: Ask) -> BudgetReservation:
    lasts = known.expires_at - known.made_at
    for name, then, now in (
        ("amount", known.amount, ask.amount),
        ("agent", known.agent, ask.agent),
        ("labels", known.labels, ask.labels),
        ("expires_in", lasts, ask.lasts),
    ):
        if then != now:
            raise KeyConflict(f"{name}: the key {ask.key!r} was used with another one")
    return known


def settle(tenant: Tenant, key: str, amount: Decimal) -> BudgetReservation:
    """Book what was spent, 0 to release; also late. Raises UnknownReservation, KeyConflict."""
    known = BudgetReservation.objects.filter(tenant=tenant, key=key).first()
    if known is None:
        raise UnknownReservation(f"there is no reservation {key!r}")
    with _in_turn(), transaction.atomic():
        counters = lock_again(known.counters.all())
        held = BudgetReservation.objects.select_for_update().get(pk=known.pk)
        if held.state == _State.SETTLED:
            if held.settled != amount:
                raise KeyConflict(f"amount: {key!r} was settled with {plain(held.settled or ZERO)}")
            return held
        for counter in counters:
            counter.settled = EXACT.add(counter.settled, amount)
        _close(held, counters, _State.SETTLED, amount)
        for counter in counters:
            raise_alerts(counter)
    return held


def expire_due(tenant: Tenant | None = None) -> int:
    """Let go of what was reserved and not settled in time; how many there were."""
    now = timezone.now()
    due = BudgetReservation.objects.filter(state=_State.HELD, expires_at__lte=now)
    if tenant is not None:
        due = due.filter(tenant=tenant)
    return sum(
        _expire(pk) for pk in due.order_by("expires_at").values_list("pk", flat=True)[:_AT_ONCE]
    )


def _expire(pk: int) -> bool:
    with transaction.atomic():
        counters = lock_again(BudgetCounter.objects.filter(reservations=pk))
        held = BudgetReservation.objects.select_for_update().get(pk=pk)
        if held.state != _State.HELD:
            return False
        _close(held, counters, _State.EXPIRED, None)
        return True


def _close(
    held: BudgetReservation, counters: Iterable[BudgetCounter], state: str, amount: Decimal | None
) -> None:
    """No more reserved; the counters and the reservation are held."""
    counters = list(counters)
    for counter in counters:
        if held.state == _State.HELD:
            counter.reserved = EXACT.subtract(counter.reserved, held.amount)
    BudgetCounter.objects.bulk_update(counters, ["reserved", "settled"])
    held.state, held.settled, held.closed_at = state, amount, timezone.now()
    held.save(update_fields=["state", "settled", "closed_at"])
