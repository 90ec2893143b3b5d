"""Many tenants read at once have the numbers that each has alone, in as few queries as one has."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from billing import queries, tenants_queries
from billing.models import ChipPrice, TokenPrice
from metering.clickhouse.connection import select
from metering.models import Tenant
from metering.usage.period import range_period

OCTOBER = (date(2026, 10, 1), date(2026, 11, 1))
Make = Callable[..., Tenant]


@pytest.fixture
def tenants(make_tenant: Make, send: Any, roll: Any, event: Any) -> list[Tenant]:
    """Three in three zones, with calls at the edges of October and of a price that changes on 16.

    The store is sent one call twice; the price of `m` doubles, `n` has none.
    """
    price = {"model": "m", "currency": "USD", "per": 1_000_000}
    for day, amount in ((date(2026, 1, 1), "1"), (date(2026, 10, 16), "2")):
        TokenPrice.objects.create(valid_from=day, input=Decimal(amount), **price)
    ChipPrice.objects.create(
        chip="p800", valid_from=date(2026, 1, 1), currency="USD", per_second=Decimal("0.5")
    )
    made = [make_tenant(timezone=zone) for zone in ("UTC", "Asia/Shanghai", "America/New_York")]
    for tenant in made:
        call = event.tokens("2026-10-15T20:00:00Z", model="m", input_tokens=1_000_000)
        send(tenant, [call])
        send(
            tenant,
            [
                call,
                event.tokens("2026-09-30T20:00:00Z", model="m", input_tokens=3_000_000),
                event.tokens("2026-11-01T02:00:00Z", model="m", input_tokens=5_000_000),
                event.chip("2026-10-03T12:00:00Z", "2026-10-03T12:00:10Z", count="2"),
            ],
        )
        roll(tenant)
    return made


def spent(tenants: list[Tenant]) -> dict[int, tenants_queries.Earned]:
    return tenants_queries.spent(tenants, lambda zone: OCTOBER)


def test_each_tenant_costs_what_it_costs_alone(tenants: list[Tenant]) -> None:
    found = spent(tenants)
    for tenant in tenants:
        [alone] = queries.usage(tenant, range_period(*OCTOBER, tenant.timezone))
        assert found[tenant.pk].known_cost == alone.cost
    # 1 M at $1 and 20 chip-seconds at $0.5; in Shanghai it is the 16th, at $2, and 30 September,
    # 20:00 UTC, is October; in New York 1 November, 02:00 UTC, is October too, at $2.
    assert [found[tenant.pk].cost for tenant in tenants] == [11, 2 + 3 + 10, 1 + 10 + 10]


def test_the_store_is_asked_as_often_for_many_as_for_one_of_a_zone(
    tenants: list[Tenant], make_tenant: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def counted(sql: str, bound: Any) -> Any:
        asked.append(sql)
        return select(sql, bound)

    monkeypatch.setattr("metering.clickhouse.tenants_use_query.select", counted)
    spent(tenants[:1])
    one = len(asked)
    asked.clear()
    spent([tenants[0], *(make_tenant() for _ in range(5))])
    assert len(asked) == one == 3


def test_what_has_no_price_is_named_with_whom_it_concerns(
    tenants: list[Tenant], send: Any, roll: Any, event: Any
) -> None:
    for tenant in tenants[:2]:
        tokens = {"input_tokens": 7, "output_tokens": 2, "provider": "p"}
        send(tenant, [event.tokens("2026-10-09T12:00:00Z", model="n", **tokens)])
        roll(tenant)
    [missing] = tenants_queries.unpriced(tenants, lambda zone: OCTOBER)
    assert (missing.kind, missing.problem, missing.quantity) == ("model", "p/n", Decimal(18))
    assert missing.tenants == {tenant.pk for tenant in tenants[:2]}
    assert (missing.key["provider"], missing.key["model"]) == ("p", "n")
    assert spent(tenants)[tenants[0].pk].known_cost is None


def test_no_tenants_are_no_question(store: None) -> None:
    assert spent([]) == {}
