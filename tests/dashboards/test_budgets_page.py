"""The page of budgets and alerts: use, thresholds, what was told; and nobody else's."""

import re
from decimal import Decimal

from django.test import Client

from billing.budgets.models import Budget
from billing.budgets.reserving import Ask, reserve, settle
from metering.models import Tenant


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
