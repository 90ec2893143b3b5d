"""Budgets against a slow oracle that keeps every reservation and adds them all up each time."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import time_machine
from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.budgets.measuring import differences
from billing.budgets.models import Budget
from billing.budgets.queries import rows
from billing.budgets.reserving import Ask, DoesNotFit, expire_due, reserve, settle
from metering.models import Tenant

START = datetime(2026, 11, 24, tzinfo=UTC)
LIMITS = {"": 20, "robin": 8}


@dataclass
class Held:
    agent: str
    amount: int
    ends: datetime
    spent: int | None = None

    def gone(self, now: datetime) -> int:
        """What of a budget it takes now."""
        if self.spent is not None:
            return self.spent
        return self.amount if now < self.ends else 0


amounts = st.integers(1, 9)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("reserve"), st.sampled_from(["robin", "eve"]), amounts),
        st.tuples(st.just("settle"), st.integers(0, 9), st.integers(0, 9)),
        st.tuples(st.just("wait"), st.integers(1, 8), st.just(0)),
    ),
    min_size=1,
    max_size=20,
)


@pytest.mark.django_db
@settings(max_examples=25)
@given(steps)
def test_a_budget_is_what_all_its_reservations_make_it(
    todo: list[tuple[str, str | int, int]],
) -> None:
    with transaction.atomic(), time_machine.travel(START, tick=False) as clock:
        ada = Tenant.objects.create(slug="ada", name="Ada")
        for agent, limit in LIMITS.items():
            code = agent or "all"
            Budget.objects.create(
                tenant=ada, code=code, amount=Decimal(limit), agent=agent, hard=True
            )
        book: list[Held] = []
        for what, which, amount in todo:
            if what == "wait":
                clock.shift(timedelta(minutes=int(which)))
            elif what == "reserve":
                try_one(ada, book, str(which), amount)
            elif book:
                n = int(which) % len(book)
                if book[n].spent is None:
                    book[n].spent = amount
                    settle(ada, f"k{n}", Decimal(amount))
            look(ada, book)
        transaction.set_rollback(True)


def try_one(ada: Tenant, book: list[Held], agent: str, amount: int) -> None:
    now = datetime.now(UTC)
    fits = all(gone(book, of, now) + amount <= LIMITS[of] for of in LIMITS if of in {"", agent})
    ask = Ask(key=f"k{len(book)}", agent=agent, amount=Decimal(amount), lasts=timedelta(minutes=5))
    try:
        reserve(ada, ask)
    except DoesNotFit:
        assert not fits
    else:
        assert fits
        book.append(Held(agent, amount, now + timedelta(minutes=5)))


def look(ada: Tenant, book: list[Held]) -> None:
    expire_due()
    assert list(differences(ada)) == []
    for row in rows(ada):
        assert row.spent + row.reserved == gone(book, row.budget.agent, datetime.now(UTC))


def gone(book: list[Held], agent: str, now: datetime) -> int:
    return sum(held.gone(now) for held in book if agent in {"", held.agent})
