"""The ledger against a slow oracle: a list of coins, each a cent of a grant."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
import time_machine
from django.db import connection, transaction
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from billing.models import Invoice
from billing.prepaid.booking import EXPIRY_DELAY, draw_credits, expire, give_back, withdraw
from billing.prepaid.granting import TopUp, grant
from billing.prepaid.models import CreditGrant, CreditMovement
from billing.prepaid.queries import balances, broken
from metering.models import Tenant

START = datetime(2026, 1, 1, tzinfo=UTC)


class Coin:
    """One cent: where it was granted, and which invoice holds it."""

    def __init__(self, grant: CreditGrant) -> None:
        self.grant, self.invoice, self.gone = grant, 0, False
        self.touched = grant.created_at

    @property
    def order(self) -> tuple[object, ...]:
        far = datetime(9999, 1, 1, tzinfo=UTC)
        one = self.grant
        return one.priority, one.expires_at or far, one.effective_at, one.pk


class Ledger(RuleBasedStateMachine):
    """Grants, invoices, voids, expiry and withdrawal in any order, time going on."""

    @initialize()
    def begin(self) -> None:
        self.block = transaction.atomic()
        self.block.__enter__()
        self.clock = time_machine.travel(START, tick=False)
        self.now = self.clock.start()
        self.tenant = Tenant.objects.create(slug="ada", name="Ada")
        self.coins: list[Coin] = []
        self.invoices: list[Invoice] = []
        self.count = 0

    def teardown(self) -> None:
        if hasattr(self, "clock"):
            self.clock.stop()
            transaction.set_rollback(True)
            self.block.__exit__(None, None, None)

    @rule(
        cents=st.integers(1, 20),
        priority=st.integers(0, 1),
        starts=st.integers(-2, 3),
        lasts=st.none() | st.integers(4, 40),
    )
    def top_up(self, cents: int, priority: int, starts: int, lasts: int | None) -> None:
        self.count += 1
        begins = datetime.now(UTC) + timedelta(days=starts)
        asked = TopUp(
            key=f"k{self.count}",
            amount=Decimal(cents).scaleb(-2),
            currency="USD",
            priority=priority,
            effective_at=begins,
            expires_at=None if lasts is None else begins + timedelta(days=lasts),
        )
        made, _ = grant(self.tenant, asked)
        assert grant(self.tenant, asked) == (made, False)
        self.coins += [Coin(made) for _ in range(cents)]

    @rule(cents=st.integers(-5, 40), ended=st.integers(0, 10))
    def invoice(self, cents: int, ended: int) -> None:
        now = datetime.now(UTC)
        end = now - timedelta(days=ended)
        self.count += 1
        made = Invoice.objects.create(
            tenant=self.tenant,
            month=date(2000, 1, 1) + timedelta(days=self.count),
            currency="USD",
            period_start=end - timedelta(days=30),
            period_end=end,
            tax_percent=Decimal(0),
            subtotal=Decimal(cents).scaleb(-2),
            tax=Decimal(0),
            total=Decimal(cents).scaleb(-2),
            watermark=end,
            snapshot={},
        )
        draw_credits([made])
        made.status, made.number = Invoice.Status.FINALIZED, f"N{self.count}"
        made.save()
        usable = [
            coin
            for coin in sorted(self.coins, key=lambda coin: coin.order)
            if not (coin.gone or coin.invoice)
            and coin.grant.effective_at <= now
            and (coin.grant.expires_at is None or coin.grant.expires_at >= end)
        ]
        taken = usable[: max(cents, 0)]
        assert made.credits_applied == Decimal(len(taken)).scaleb(-2)
        for coin in taken:
            coin.invoice = made.pk
        self._touch({coin.grant.pk for coin in taken})
        self.invoices.append(made)

    @precondition(lambda self: self.invoices)
    @rule(which=st.integers(0, 99))
    def void(self, which: int) -> None:
        voided = self.invoices.pop(which % len(self.invoices))
        Invoice.objects.filter(pk=voided.pk).update(status=Invoice.Status.VOID)
        back = [coin for coin in self.coins if coin.invoice == voided.pk]
        assert give_back(voided) == Decimal(len(back)).scaleb(-2)
        assert give_back(voided) == 0
        for coin in back:
            coin.invoice = 0
        self._touch({coin.grant.pk for coin in back})

    @rule(days=st.integers(1, 20))
    def time_goes_on(self, days: int) -> None:
        self.now.shift(timedelta(days=days))

    @rule()
    def expiry(self) -> None:
        now = datetime.now(UTC)
        expire(self.tenant)
        for coin in self.coins:
            end = coin.grant.expires_at
            over = end is not None and now >= max(end, coin.touched) + EXPIRY_DELAY
            if over and not coin.invoice:
                coin.gone = True

    @precondition(lambda self: self.coins)
    @rule(which=st.integers(0, 99))
    def take_back(self, which: int) -> None:
        chosen = self.coins[which % len(self.coins)].grant
        mine = [c for c in self.coins if c.grant == chosen and not (c.gone or c.invoice)]
        assert withdraw(chosen) == Decimal(len(mine)).scaleb(-2)
        for coin in mine:
            coin.gone = True

    @invariant()
    def balance_is_the_sum_of_movements_and_of_coins(self) -> None:
        if not hasattr(self, "tenant"):
            return
        held = [coin for coin in self.coins if not (coin.gone or coin.invoice)]
        [found] = balances(self.tenant)
        moved = CreditMovement.objects.values_list("amount", flat=True)
        assert found.balance == sum(moved, start=Decimal(0)) == Decimal(len(held)).scaleb(-2)
        assert list(broken(self.tenant)) == []

    def _touch(self, grants: set[int]) -> None:
        for coin in self.coins:
            if coin.grant.pk in grants:
                coin.touched = datetime.now(UTC)


@pytest.mark.django_db
def test_the_ledger_is_its_oracle() -> None:
    run_state_machine_as_test(
        Ledger, settings=settings(max_examples=15, stateful_step_count=15, deadline=None)
    )
    assert not connection.in_atomic_block or CreditGrant.objects.count() == 0
