"""Budgets by file and API: reserve, settle, refuse, expire, in cents and with a frozen clock."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.core.management.base import CommandError
from django.test import Client

from billing.budgets.models import BudgetCounter
from billing.budgets.reserving import expire_due
from metering.api_keys import create_api_key
from metering.models import Tenant
from metering.notices.models import Notice

Run = Callable[..., str]
Api = Callable[[Tenant], Client]
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
BUDGETS = """
tenants: [{slug: ada, timezone: Asia/Shanghai}]
budgets:
  - {tenant: ada, code: all, amount: "100", hard: true}
  - {tenant: ada, code: search, amount: "10.00", period: day, label: team=search, hard: true}
  - {tenant: ada, code: robin, amount: "5", agent: robin}
"""


class Agent:
    """Posts as an agent does."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def reserve(self, key: str, amount: str, **more: Any) -> tuple[int, dict[str, Any]]:
        return self._post("reserve", {"key": key, "amount": amount, **more})

    def settle(self, key: str, amount: str, **more: Any) -> tuple[int, dict[str, Any]]:
        return self._post("settle", {"key": key, "amount": amount, **more})

    def budgets(self) -> dict[str, dict[str, Any]]:
        return {row["code"]: row for row in self.client.get("/api/v1/budgets").json()["rows"]}

    def _post(self, act: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        answer = self.client.post(f"/api/v1/budgets/{act}", body, content_type="application/json")
        return answer.status_code, answer.json()


@pytest.fixture
def agent(db: None, apply: Run, api: Api) -> Agent:
    apply(BUDGETS)
    return Agent(api(Tenant.objects.get(slug="ada")))


def test_a_file_brings_budgets_and_changes_nothing_the_second_time(db: None, apply: Run) -> None:
    assert "+ budget search of ada" in apply(BUDGETS)
    assert apply(BUDGETS) == "nothing to change\n"
    changed = apply(BUDGETS.replace('"10.00"', '"12"'))
    assert changed == "~ budget search of ada: amount 10 → 12\n"


@pytest.mark.parametrize(
    ("before", "after", "error"),
    [
        ('"100"', '"0"', r"budgets\[0\].amount: must be above 0"),
        ('"100"', "1.5", r"budgets\[0\].amount: is a number with a fraction"),
        ("team=search", "team", r"budgets\[1\].label"),
        ("period: day", "period: week", r"budgets\[1\].period"),
        ("tenant: ada, code: robin", "tenant: eve, code: robin", r"budgets\[2\].tenant: there is"),
        ("code: robin", "code: all", r"budgets\[2\]: all of ada is in the file twice"),
    ],
)
def test_what_is_wrong_with_a_file_is_named(
    db: None, apply: Run, before: str, after: str, error: str
) -> None:
    with pytest.raises(CommandError, match=error):
        apply(BUDGETS.replace(before, after))


def test_what_is_reserved_counts_until_it_is_settled(agent: Agent) -> None:
    status, held = agent.reserve("call-1", "4.00", agent="robin", labels={"team": "search"})
    assert (status, held["state"], held["budgets"]) == (200, "held", ["all", "robin", "search"])
    row = agent.budgets()["search"]
    assert (row["reserved"], row["spent"], row["left"]) == ("4", "0", "6")
    # The day of Shanghai: it ends at 16:00 UTC.
    assert (row["period_start"], row["period_end"]) == ("2026-11-24", "2026-11-24T16:00:00Z")
    status, settled = agent.settle("call-1", "3.25")
    assert (status, settled["state"], settled["settled"]) == (200, "settled", "3.25")
    row = agent.budgets()["search"]
    assert (row["reserved"], row["spent"], row["left"]) == ("0", "3.25", "6.75")


def test_what_does_not_fit_is_refused_and_says_where(agent: Agent) -> None:
    labels = {"team": "search"}
    assert agent.reserve("call-1", "7.50", labels=labels)[0] == 200
    status, problem = agent.reserve("call-2", "2.51", labels=labels)
    assert (status, problem["title"], problem["budget"]) == (402, "Budget Exceeded", "search")
    assert (problem["left"], problem["reserved"]) == ("2.5", "7.5")
    assert problem["period_end"] == "2026-11-24T16:00:00Z"
    # To the cent it fits, and the key that was refused is free.
    assert agent.reserve("call-2", "2.50", labels=labels)[0] == 200
    assert agent.reserve("call-3", "0.01", labels=labels)[0] == 402
    # Another team has the whole budget's 100 − 10.
    assert agent.reserve("call-4", "90", labels={"team": "chat"})[0] == 200
    assert agent.reserve("call-5", "0.01")[1]["budget"] == "all"


def test_a_soft_budget_refuses_nothing(agent: Agent) -> None:
    assert agent.reserve("call-1", "50", agent="robin")[0] == 200
    assert agent.budgets()["robin"]["left"] == "0"


def test_each_key_counts_once(agent: Agent) -> None:
    first = agent.reserve("call-1", "4.00", agent="robin")
    assert agent.reserve("call-1", "4", agent="robin") == first
    assert agent.budgets()["all"]["reserved"] == "4"
    for change, field in (
        ({"amount": "5"}, "amount"),
        ({"agent": "eve"}, "agent"),
        ({"labels": {"a": "b"}}, "labels"),
        ({"expires_in": 5}, "expires_in"),
    ):
        again: dict[str, Any] = {"key": "call-1", "amount": "4", "agent": "robin"} | change
        status, problem = agent.reserve(**again)
        assert (status, problem["detail"].partition(":")[0]) == (409, field)
    settled = agent.settle("call-1", "3")
    assert agent.settle("call-1", "3.0") == settled
    assert agent.settle("call-1", "2")[0] == 409
    assert agent.budgets()["all"]["spent"] == "3"


def test_what_is_not_settled_in_time_is_let_go_and_may_be_settled_late(agent: Agent) -> None:
    labels = {"team": "search"}
    with time_machine.travel(NOON, tick=False) as clock:
        agent.reserve("call-1", "10", labels=labels, expires_in=60)
        assert agent.reserve("call-2", "6", labels=labels)[0] == 402
        clock.shift(timedelta(seconds=60))
        # Nobody had to tidy up first.
        assert agent.reserve("call-2", "6", labels=labels)[0] == 200
        assert expire_due() == 0
        late = agent.settle("call-1", "9")
        assert (late[0], late[1]["state"]) == (200, "settled")
        # 9 are spent and 6 are held: what is spent is booked, also above the budget.
        row = agent.budgets()["search"]
        assert (row["spent"], row["reserved"], row["left"]) == ("9", "6", "0")


def test_a_new_day_begins_at_the_tenants_midnight(agent: Agent) -> None:
    labels = {"team": "search"}
    with time_machine.travel(NOON.replace(hour=15, minute=59), tick=False) as clock:
        agent.reserve("call-1", "10", labels=labels)
        clock.shift(timedelta(minutes=1))
        assert agent.reserve("call-2", "10", labels=labels)[0] == 200
        agent.settle("call-1", "8")
        assert agent.budgets()["search"]["spent"] == "0"
    settled = BudgetCounter.objects.filter(budget__code="search").order_by("start")
    assert [f"{counter.settled:f}" for counter in settled] == ["8", "0"]


def test_thresholds_are_told_of_once_for_each_period(agent: Agent) -> None:
    for n, amount in enumerate(("4.99", "0.01", "2", "0.99")):
        agent.reserve(f"call-{n}", amount, labels={"team": "search"})
        agent.settle(f"call-{n}", amount)
    assert told() == [("Budget search: 50 % spent", "5")]
    # 7.99 so far; 2.01 are reserved and 3 were spent: 10.99, which is 80 % and 100 % at once.
    agent.reserve("last", "2.01", labels={"team": "search"})
    agent.settle("last", "3")
    agent.settle("last", "3")
    assert told()[1:] == [
        ("Budget search: 80 % spent", "10.99"),
        ("Budget search: 100 % spent", "10.99"),
    ]
    fired = [alert["fired_at"] is not None for alert in agent.budgets()["search"]["alerts"]]
    assert fired == [True, True, True]


def told() -> list[tuple[str, str]]:
    return [(one.subject, one.data["spent"]) for one in Notice.objects.order_by("pk")]


def test_bad_requests_name_the_field(agent: Agent) -> None:
    for body, field in (
        ({"key": "", "amount": "1"}, "key"),
        ({"key": "k", "amount": "-1"}, "amount"),
        ({"key": "k", "amount": "0"}, "amount"),
        ({"key": "k", "amount": 1.5}, "amount"),
        ({"key": "k", "amount": "1", "label": {}}, "label"),
        ({"key": "k", "amount": "1", "currency": "EUR"}, "currency"),
        ({"key": "k", "amount": "1", "expires_in": 0}, "expires_in"),
    ):
        status, problem = agent._post("reserve", body)
        assert status == 400
        assert field in problem["detail"]


def test_another_tenants_key_sees_and_settles_nothing(agent: Agent, api: Api) -> None:
    agent.reserve("call-1", "1")
    bob = Agent(api(Tenant.objects.create(slug="bob", name="Bob")))
    assert bob.budgets() == {}
    assert bob.settle("call-1", "1")[0] == 404
    # A key of the same name is another one, and there is no budget that would refuse it.
    assert bob.reserve("call-1", "1000")[1]["budgets"] == []


def test_a_key_that_may_only_read_reserves_nothing(agent: Agent) -> None:
    key = create_api_key(Tenant.objects.get(slug="ada"), ["read"])
    reader = Agent(Client(headers={"Authorization": f"Bearer {key}"}))
    assert reader.reserve("call-1", "1")[0] == 403
    assert reader.budgets()


def test_counters_are_verified_against_reservations_and_made_again(
    agent: Agent, manage: Run
) -> None:
    agent.reserve("call-1", "4", agent="robin")
    agent.reserve("call-2", "2", agent="robin")
    agent.settle("call-2", "1")
    assert "add up" in manage("budgets", "--verify")
    BudgetCounter.objects.filter(budget__code="robin").update(settled="7", reserved="9")
    with pytest.raises(CommandError, match="settled is 7, and 1 was booked"):
        manage("budgets", "--verify")
    shown = manage("budgets", "--rebuild")
    assert "ada robin: 1 spent and 4 reserved of 5 USD a month (soft, agent robin)" in shown
    assert "add up" in manage("budgets", "--verify")
