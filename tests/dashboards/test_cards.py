"""The four figures: every one with what it is compared with, and none that is made up."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from billing.costs import Cost
from billing.queries import EfficiencyRow, GroupCost
from dashboards.cards import Card, cards, known
from dashboards.ranges import DateRange
from dashboards.rows import OverviewRows
from metering.queries import UsageRow
from metering.usage.active import ActiveDay
from metering.usage.efficiency import TokenSums
from tests.dashboards.test_overview_page import plain

D = Decimal
TODAY = date(2026, 11, 11)
MONTH = DateRange(date(2026, 11, 1), date(2026, 11, 12), "UTC", TODAY)
OCTOBER = DateRange(date(2026, 10, 1), date(2026, 11, 1), "UTC", TODAY)


def total(useful: str, *, chips: str = "0", tokens: int = 0, succeeded: int = 0) -> EfficiencyRow:
    cost = GroupCost(Cost(useful=D(useful)), Cost(chips=D(chips)))
    return EfficiencyRow({}, TokenSums(output_tokens=tokens), cost, succeeded)


ROWS = OverviewRows(
    read_at=datetime(2026, 11, 11, tzinfo=UTC),
    total=total("80", chips="20", tokens=40_000_000, succeeded=50),
    usage=UsageRow(group={}, tasks=80, succeeded_tasks=50),
    spend=[],
    active=[],
    by_day=[],
    by_agent=[],
    agent_usage=[],
    agent_days=[],
    bursts=[],
    quarantined=[],
    before=total("40", chips="40", tokens=40_000_000, succeeded=20),
)


def read(dates: DateRange = MONTH, **changes: object) -> dict[str, Card]:
    rows = replace(ROWS, **changes)  # type: ignore[arg-type]
    return {card.name: card for card in cards(rows, dates, "USD")}


def note(card: Card) -> str:
    return plain(card.note)


def test_a_running_month_has_a_pace() -> None:
    card = read()["Spend this month"]
    # 10 of 30 days took $100; $100 is a quarter more than $80
    assert card.figure == "$100.00"
    assert note(card) == "▲ up 25.0 % against 1–11 Oct 2026 · pace $300.00"


def test_the_first_day_of_a_month_is_too_early_for_a_pace() -> None:
    card = read(read_at=datetime(2026, 11, 1, 23, 59, tzinfo=UTC))["Spend this month"]
    assert "pace" not in card.note


def test_a_month_that_is_over_has_none() -> None:
    card = read(OCTOBER)["Spend in October 2026"]
    assert note(card) == "▲ up 25.0 % against September"


@pytest.mark.parametrize("before", [None, total("0")])
def test_nothing_to_compare_with_is_not_compared(before: EfficiencyRow | None) -> None:
    found = read(OCTOBER, before=before)
    assert note(found["Spend in October 2026"]) == "at the cost book"
    assert all("%" not in note(card) for card in found.values() if "task" not in card.name)


def test_token_efficiency_stands_beside_plain_cost() -> None:
    sums = TokenSums(output_tokens=40_000_000, retried_tokens=20_000_000)
    row = replace(ROWS.total, sums=sums)
    card = read(total=row)["Token-efficiency cost"]
    # $80 for 40 million tokens, of which half helped; $1 before
    assert card.figure == "$4.00"
    assert note(card) == "▲ up 300.0 % · per million effective tokens · plain $2.00"


def test_a_task_costs_tokens_chips_and_tools_of_all_tasks() -> None:
    card = read()["Cost per succeeded task"]
    # $100 / 50, after $80 / 20
    assert card.figure == "$2.00"
    assert note(card) == "▼ down 50.0 % · 80 tasks, 62.5 % succeeded"


def test_no_success_has_no_cost() -> None:
    row = replace(ROWS.total, succeeded_tasks=0)
    card = read(total=row, usage=UsageRow(group={}))["Cost per succeeded task"]
    assert (card.figure, note(card)) == ("–", "no tasks yet")


def test_agents_are_those_of_the_latest_day_that_is_over() -> None:
    active = [
        ActiveDay(date=date(2026, 11, 3), active=5, delivering=4),
        ActiveDay(date=date(2026, 11, 10), active=9, delivering=7),
        ActiveDay(date=date(2026, 11, 11), active=1, delivering=1),
    ]
    card = read(active=active)["Daily active agents"]
    assert card.figure == "7"
    assert note(card) == "delivering, of 9 active on 10 Nov · ▲ up 3 in a week"


def test_an_unpriced_cost_is_named_and_none_of_the_figures_is_a_guess() -> None:
    cost = GroupCost(Cost(useful=D(5), unpriced={"new-model"}), Cost(chips=D(2)))
    found = read(total=replace(ROWS.total, cost=cost))
    spend, tokens = found["Spend this month"], found["Token-efficiency cost"]
    assert spend.unpriced
    assert note(spend) == "$7.00 and no price for new-model"
    assert (tokens.figure, note(tokens)) == ("unpriced", "no price for new-model")
    assert found["Cost per succeeded task"].unpriced


def test_a_chip_without_a_price_leaves_the_cost_of_tokens_known() -> None:
    cost = GroupCost(Cost(useful=D(80)), Cost(unpriced={"chip p800"}))
    found = read(total=replace(ROWS.total, cost=cost))
    assert found["Token-efficiency cost"].figure == "$2.00"
    assert note(found["Spend this month"]) == "$80.00 and no price for chip p800"


def test_what_is_known_is_the_sum_of_its_parts() -> None:
    calls = Cost(useful=D("0.1"), repeated=D("0.2"), failed=D("0.4"), retried=D("0.8"))
    assert known(GroupCost(calls, Cost(chips=D("1.6"), tools=D("3.2")))) == D("6.3")
