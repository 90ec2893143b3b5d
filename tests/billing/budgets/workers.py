"""Run on a database of its own: threads reserve what fits once, and one that is killed."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from threading import Barrier
from typing import Any

import django

django.setup()

from django.db import connection  # noqa: E402 - Django's settings come first

from billing.budgets.measuring import differences  # noqa: E402
from billing.budgets.models import Budget, BudgetCounter, BudgetReservation  # noqa: E402
from billing.budgets.reserving import Ask, DoesNotFit, reserve, settle  # noqa: E402
from metering.models import Tenant  # noqa: E402
from tests.killing import killed_at_every_statement  # noqa: E402

WORKERS = 8


def tenant(slug: str) -> Tenant:
    owner = Tenant.objects.create(slug=slug, name=slug)
    Budget.objects.create(tenant=owner, code="all", amount=Decimal(10), hard=True)
    Budget.objects.create(tenant=owner, code="agent", amount=Decimal(10), agent="robin", hard=True)
    return owner


def all_at_once(act: Callable[[Any], Any], arguments: Sequence[Any]) -> list[Any]:
    start = Barrier(len(arguments))

    def run(argument: Any) -> Any:
        try:
            start.wait()
            return act(argument)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(arguments)) as pool:
        return list(pool.map(run, arguments))


def try_to_reserve(owner: Tenant, key: str, amount: str) -> bool:
    try:
        reserve(owner, Ask(key=key, amount=Decimal(amount), agent="robin"))
    except DoesNotFit:
        return False
    return True


def at_once() -> None:
    ada = tenant("ada")
    # A budget for one: of eight that need 7 of 10 at once, one gets it.
    got = all_at_once(lambda n: try_to_reserve(ada, f"big-{n}", "7"), range(WORKERS))
    assert sum(got) == 1, got
    # Of eight with the same key all have the same one; 3 are left, and it takes 1.
    assert all(all_at_once(lambda _: try_to_reserve(ada, "same", "1"), range(WORKERS)))
    assert BudgetReservation.objects.filter(tenant=ada).count() == 2
    # Each settles the same one: it is booked once.
    all_at_once(lambda _: settle(ada, "same", Decimal("0.5")), range(WORKERS))
    check(ada, settled="0.5", reserved="7")
    # Everybody reserves and settles in turns; 2.5 are left, which is five times 0.5.
    got = all_at_once(lambda n: in_turns(ada, n), range(WORKERS))
    assert sum(got) == 5, got
    check(ada, settled="3", reserved="7")


def in_turns(owner: Tenant, n: int) -> int:
    done = 0
    for turn in range(3):
        key = f"turn-{n}-{turn}"
        if try_to_reserve(owner, key, "0.5"):
            settle(owner, key, Decimal("0.5"))
            done += 1
    return done


def killed() -> None:
    """What is reserved and what counters say is the same after every death."""
    bob = tenant("bob")
    for _ in killed_at_every_statement(lambda: try_to_reserve(bob, "call", "4")):
        held = BudgetReservation.objects.filter(tenant=bob).count()
        check(bob, settled="0", reserved="4" if held else "0")
    for _ in killed_at_every_statement(lambda: settle(bob, "call", Decimal("6"))):
        state = BudgetReservation.objects.get(tenant=bob).state
        settled, reserved = ("6", "0") if state == "settled" else ("0", "4")
        check(bob, settled=settled, reserved=reserved)
    assert BudgetCounter.objects.filter(budget__tenant=bob, alerted=50).count() == 2


def check(owner: Tenant, *, settled: str, reserved: str) -> None:
    assert list(differences(owner)) == []
    for counter in BudgetCounter.objects.filter(budget__tenant=owner):
        assert (counter.settled, counter.reserved) == (Decimal(settled), Decimal(reserved))


if __name__ == "__main__":
    killed()
    at_once()
