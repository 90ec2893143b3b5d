"""`GET /api/v1/daa` and `/retention`: agents by day, by value, and what they cost."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from metering.ingest import Report
from metering.models import Tenant
from tests.conftest import Events

Run = Callable[..., str]
Send = Callable[[Tenant, list[dict[str, Any]]], Report]
Roll = Callable[[Tenant], int]
Api = Callable[[Tenant], Client]

pytestmark = pytest.mark.usefixtures("store")

PRICES = """
tenants: [{slug: acme, timezone: Asia/Shanghai}]
prices:
  - {model: big, valid_from: 2026-01-01, currency: USD, per: 1000, input: "1", output: "4"}
  - {chip: p800, valid_from: 2026-01-01, currency: USD, per_second: "0.001"}
"""
RANGE = "from=2026-10-05&to=2026-10-07"


@pytest.fixture
def acme(apply: Run, event: Events, send: Send, roll: Roll) -> Tenant:
    """Shanghai's day begins at 16:00 UTC of the date before."""
    apply(PRICES)
    tenant = Tenant.objects.get(slug="acme")
    red: dict[str, Any] = {"labels": {"team": "red"}}
    send(
        tenant,
        [
            event.task("2026-10-04T16:00:00Z", "t", agent="ada", **red),
            event.tokens("2026-10-04T17:00:00Z", "big", task="t", input_tokens=500),
            event.task("2026-10-05T16:00:00Z", "u", agent="bob", parent_task="t"),
            event.task("2026-10-05T16:00:01Z", "v", agent="bob"),
            event.task("2026-10-05T16:00:02Z", "w", agent="eve", parent_task="t", status="failed"),
            event.tokens("2026-10-05T17:00:00Z", "big", "bob", task="u", input_tokens=1000),
            event.tokens("2026-10-05T17:00:00Z", "big", "eve", task="w", input_tokens=2000, **red),
            event.chip(
                "2026-10-05T18:00:00Z", "2026-10-05T18:00:10Z", agent="bob", task="v", region="eu"
            ),
        ],
    )
    roll(tenant)
    return tenant


def test_a_row_for_each_day(acme: Tenant, api: Api) -> None:
    answer = api(acme).get(f"/api/v1/daa?{RANGE}").json()
    assert answer == {
        "rows": [
            {
                "date": "2026-10-05",
                "active": 1,
                "active_sub_agents": 0,
                "delivering": 1,
                "delivering_sub_agents": 0,
                "new": 1,
                "returning": 0,
                "resurrected": 0,
                "dormant": 0,
                "waa": 1,
                "maa": 1,
                "succeeded_tasks": 1,
                "stickiness": "1",
                "tasks_per_delivering_agent": "1",
                # 500 × 0.001
                "cost": "0.5",
                "cost_per_delivering_agent": "0.5",
                "unpriced": [],
                "currency": "USD",
            },
            {
                "date": "2026-10-06",
                # bob and eve, who both worked for the task t; eve's task failed
                "active": 2,
                "active_sub_agents": 2,
                "delivering": 1,
                "delivering_sub_agents": 1,
                "new": 2,
                "returning": 0,
                "resurrected": 0,
                # ada
                "dormant": 1,
                # ada and bob
                "waa": 2,
                "maa": 2,
                "succeeded_tasks": 2,
                # 1 / 2
                "stickiness": "0.5",
                "tasks_per_delivering_agent": "2",
                # 3000 × 0.001 + 10 s × 0.001: eve's failed task as well
                "cost": "3.01",
                "cost_per_delivering_agent": "3.01",
                "unpriced": [],
                "currency": "USD",
            },
        ],
        "next": None,
    }


GROUPS = [
    # name, then by row: date, value, active, delivering, dormant, maa, cost
    (
        "model",
        [
            ("2026-10-05", "big", 1, 1, 0, 1, "0.5"),
            # bob's task u called it, v did not; eve is active; ada, of yesterday, is dormant
            ("2026-10-06", "big", 2, 1, 1, 2, "3"),
        ],
    ),
    ("region", [("2026-10-06", "eu", 1, 1, 0, 1, "0.01")]),
    (
        "labels.team",
        [
            # The label of ada's task; her call bears none, so its cost is nobody's.
            ("2026-10-05", "red", 1, 1, 0, 1, "0"),
            # eve's call; ada delivered yesterday
            ("2026-10-06", "red", 1, 0, 1, 1, "2"),
        ],
    ),
]


@pytest.mark.parametrize(("name", "expected"), GROUPS)
def test_a_value_is_a_fleet_of_its_own(
    name: str, expected: list[tuple[Any, ...]], acme: Tenant, api: Api
) -> None:
    rows = api(acme).get(f"/api/v1/daa?{RANGE}&group_by={name}").json()["rows"]
    fields = ("date", name, "active", "delivering", "dormant", "maa", "cost")
    assert [tuple(row[field] for field in fields) for row in rows] == expected
    assert all(row["group"] == {name: row[name]} for row in rows)
    assert all(row["new"] + row["returning"] + row["resurrected"] == row["active"] for row in rows)


def test_an_unpriced_day_has_no_cost(acme: Tenant, api: Api, event: Events, send: Send) -> None:
    send(acme, [event.chip("2026-10-05T18:00:00Z", "2026-10-05T18:00:10Z", "unheard-of")])
    rows = api(acme).get(f"/api/v1/daa?{RANGE}").json()["rows"]
    assert [row["unpriced"] for row in rows] == [[], ["chip unheard-of"]]
    assert [row["cost"] for row in rows] == ["0.5", None]
    assert [row["cost_per_delivering_agent"] for row in rows] == ["0.5", None]


@pytest.mark.parametrize("names", ["agent", "model,region", "labels."])
def test_what_agents_are_not_grouped_by_is_400(names: str, acme: Tenant, api: Api) -> None:
    answer = api(acme).get(f"/api/v1/daa?{RANGE}&group_by={names}")
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == ["group_by"]


def test_retention_by_the_week_of_the_first_delivery(
    acme: Tenant, api: Api, event: Events, send: Send, roll: Roll
) -> None:
    """Weeks begin on Monday in Shanghai: 2026-10-05, 12, 19; ada and bob began in the first."""
    days = [("ada", 12), ("ada", 19), ("bob", 19), ("eve", 18)]
    send(
        acme,
        [
            event.task(f"2026-10-{day}T15:59:59Z", f"{agent}-{day}", agent=agent)
            for agent, day in days
        ],
    )
    roll(acme)
    answer = api(acme).get("/api/v1/retention?from=2026-10-07&to=2026-10-21").json()
    assert answer == {
        "rows": [
            {
                "week": "2026-10-05",
                "agents": 2,
                "retained": [2, 1, 2],
                "rates": ["1", "0.5", "1"],
            },
            # 15:59:59 on the 18th is a second before Monday
            {"week": "2026-10-12", "agents": 1, "retained": [1, 0], "rates": ["1", "0"]},
        ],
        "next": None,
    }
    # Whose first delivery was before the range is in no cohort of it.
    later = api(acme).get("/api/v1/retention?from=2026-10-12&to=2026-10-21").json()["rows"]
    assert [row["week"] for row in later] == ["2026-10-12"]


def test_another_tenant_sees_nothing_of_it(
    acme: Tenant, make_tenant: Callable[..., Tenant], api: Api
) -> None:
    bob = api(make_tenant())
    for query in ("", "&group_by=model", "&group_by=labels.team"):
        rows = bob.get(f"/api/v1/daa?{RANGE}{query}").json()["rows"]
        assert len(rows) == (0 if query else 2)
        assert not any(row["active"] or row["dormant"] or row["maa"] for row in rows)
    assert bob.get("/api/v1/retention").json()["rows"] == []
    assert api(acme).get(f"/api/v1/daa?{RANGE}&group_by=model").json()["rows"] != []
