"""Budgets beside what events cost: who settles is not counted twice, who does not is counted."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from billing.budgets.measuring import measure
from billing.budgets.queries import rows
from billing.budgets.reserving import Ask, DoesNotFit, reserve, settle
from metering.ingest import Report
from metering.models import Tenant
from metering.notices.models import Notice
from tests.conftest import Events

CONFIGURATION = """
tenants: [{slug: ada}]
prices: [{model: m, valid_from: 2026-01-01, currency: USD, per: 1, input: "1"}]
budgets:
  - {tenant: ada, code: all, amount: "20", hard: true}
  - {tenant: ada, code: robin, amount: "10", agent: robin, period: day}
  - {tenant: ada, code: search, amount: "10", label: team=search}
  - {tenant: ada, code: both, amount: "10", agent: robin, label: team=search}
"""


def test_what_events_cost_and_nobody_settled_is_spent_too(
    store: None,
    apply: Callable[..., str],
    event: Events,
    send: Callable[[Tenant, list[dict[str, Any]]], Report],
    roll: Callable[[Tenant], int],
) -> None:
    apply(CONFIGURATION)
    ada = Tenant.objects.get(slug="ada")
    # Of today 3 by robin for search, 2 by robin, 4 by eve for search; 8 of another day by robin.
    for day, agent, cost, labels in (
        ("24", "robin", 3, {"team": "search"}),
        ("24", "robin", 2, {}),
        ("24", "eve", 4, {"team": "search"}),
        ("23", "robin", 8, {}),
    ):
        time = f"2026-11-{day}T10:00:00Z"
        send(ada, [event.tokens(time, agent=agent, input_tokens=cost, labels=labels)])
    send(ada, [event.tokens("2026-11-24T10:00:00Z", "other", agent="eve", input_tokens=1)])
    roll(ada)
    labels = {"team": "search"}
    reserve(ada, Ask(key="call", amount=Decimal(3), agent="robin", labels=labels))
    settle(ada, "call", Decimal(3))
    assert spent(ada) == {"all": "3+0", "robin": "3+0", "search": "3+0", "both": "3+0"}
    measure(ada)
    # 17 in all, of which 3 were settled; robin's today 5; search 7; both 3.
    assert spent(ada) == {"all": "3+14", "robin": "3+2", "search": "3+4", "both": "3+0"}
    found = {row.budget.code: row for row in rows(ada)}
    assert [f"{found[code].difference:f}" for code in ("both", "all")] == ["0", "-14"]
    assert ["other" in name for name in found["all"].unpriced] == [True]
    with pytest.raises(DoesNotFit):
        reserve(ada, Ask(key="more", amount=Decimal("3.01")))
    reserve(ada, Ask(key="more", amount=Decimal(3)))
    told = sorted(Notice.objects.values_list("subject", flat=True))
    # all 17 of 20, robin 5 of 10, search 7 of 10.
    assert told == [
        "Budget all: 50 % spent",
        "Budget all: 80 % spent",
        "Budget robin: 50 % spent",
        "Budget search: 50 % spent",
    ]
    measure(ada)
    assert Notice.objects.count() == len(told)


def spent(tenant: Tenant) -> dict[str, str]:
    return {row.budget.code: f"{row.settled:f}+{row.others:f}" for row in rows(tenant)}
