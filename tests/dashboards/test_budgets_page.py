"""The page of budgets and alerts: use, thresholds, what was told; and nobody else's."""

import re
from decimal import Decimal

import pytest
from django.test import Client

from billing.budgets.models import Budget
from billing.budgets.reserving import Ask, reserve, settle
from metering.audit import log_of
from metering.models import Tenant
from tests.dashboards.conftest import member


def words(client: Client) -> str:
    text = client.get("/budgets/").content.decode()
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))


def test_without_a_budget_it_says_how_to_set_one(alice: Client) -> None:
    assert "There is no budget yet." in words(alice)


def test_it_shows_use_thresholds_and_alerts_and_nobody_elses(
    alice: Client, charlie: Client, acme: Tenant
) -> None:
    Budget.objects.create(tenant=acme, code="search", amount=Decimal(10), agent="robin", hard=True)
    for key in ("one", "two"):
        reserve(acme, Ask(key=key, amount=Decimal(2), agent="robin"))
    settle(acme, "one", Decimal("6.25"))
    text = words(alice)
    assert "search agent robin, a month, hard" in text
    # 6.25 spent and 2 reserved of 10: 62.5 %, rounded.
    assert re.search(r"63 % \S*6\.25 \S*2\.00 \S*1\.75 \S*10\.00", text.replace("\xa0", " "))
    assert "Budget search: 50 % spent" in text
    assert "sent to nobody" in text
    assert "80 % not reached" in text
    foreign = words(charlie)
    assert "robin" not in foreign
    assert "50 % spent" not in foreign


WANTED = {"do": "set", "code": "search", "amount": "12.50", "period": "day", "label": "team=search"}


def test_owner_and_finance_set_change_and_stop_a_budget(alice: Client, acme: Tenant) -> None:
    fay = member("fay", acme, "finance")
    assert alice.post("/budgets/", WANTED).status_code == 302
    assert "search label team=search, a day, soft" in words(fay)
    assert fay.post("/budgets/", WANTED | {"amount": "20", "hard": "on"}).status_code == 302
    [budget] = Budget.objects.filter(tenant=acme)
    assert (budget.amount, budget.hard, budget.value) == (Decimal(20), True, "search")
    assert fay.post("/budgets/", {"do": "stop", "code": "search"}).status_code == 302
    assert "There is no budget yet." in words(alice)
    assert fay.post("/budgets/", {"do": "stop", "code": "search"}).status_code == 400
    said = [(entry.actor, entry.action) for entry in log_of(acme, 10)]
    assert said == [
        ("user fay", "budget.stopped"),
        ("user fay", "budget.set"),
        ("user alice", "budget.set"),
    ]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"amount": "0"}, "amount: must be above 0"),
        ({"amount": "1e"}, "amount: is not a decimal number"),
        ({"label": "team"}, "label: &#x27;team&#x27; is not written as key=value"),
        ({"code": "two words"}, "code:"),
        ({"period": "year"}, "period:"),
    ],
)
def test_what_is_wrong_is_said_beside_what_was_written(
    alice: Client, acme: Tenant, change: dict[str, str], says: str
) -> None:
    response = alice.post("/budgets/", WANTED | change)
    assert response.status_code == 400
    assert says in response.content.decode()
    assert not Budget.objects.exists()


@pytest.mark.parametrize("role", ["viewer", "developer"])
def test_who_may_not_set_budgets_is_told_so(acme: Tenant, role: str) -> None:
    dora = member("dora", acme, role)
    assert "Set a budget" not in words(dora)
    assert dora.post("/budgets/", WANTED).status_code == 403
    assert not Budget.objects.exists()
