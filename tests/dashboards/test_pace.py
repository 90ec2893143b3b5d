"""Where a running month is heading: by the rule that is said, against last month and the budget."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

from billing.budgets.models import Budget
from dashboards.pace import moved_said, pace_said
from tests.dashboards.test_cards import MONTH, OCTOBER, ROWS, note, read, total
from tests.dashboards.test_overview_page import plain

D = Decimal
BUDGET = Budget(code="all", amount=D(350))


def heading(**fields: object) -> list[str]:
    rows = replace(ROWS, **fields)  # type: ignore[arg-type]
    return [plain(said.sentence) for said in pace_said(rows, MONTH, "USD")]


def test_the_rule_is_said_with_its_numbers() -> None:
    # $100 in the first 10 of 30 days
    assert heading() == [
        "At its present pace November comes to $300.00 : $100.00 in 10 of 30 days,"
        " and the rest alike."
    ]


def test_half_a_day_counts() -> None:
    # $100 × 30 ÷ 12.5
    at = datetime(2026, 11, 13, 12, tzinfo=UTC)
    assert "comes to $240.00 : $100.00 in 12.5 of 30 days" in heading(read_at=at)[0]


def test_it_stands_against_all_of_last_month_and_the_budget() -> None:
    (text,) = heading(last_month=total("280"), budget=BUDGET)
    assert text.endswith(
        "That is $20.00 more than all of October ($280.00)."
        " The budget all of $350.00 would be kept by $50.00 ."
    )
    tight = Budget(code="tight", amount=D(250))
    assert heading(budget=tight)[0].endswith("tight of $250.00 would be passed by $50.00 .")


def test_a_month_of_which_nothing_is_known_has_no_pace() -> None:
    assert heading(read_at=datetime(2026, 11, 1, 23, tzinfo=UTC)) == []
    assert heading(total=total("0")) == []
    assert not list(pace_said(ROWS, OCTOBER, "USD"))


def test_the_budget_stands_beside_the_spend() -> None:
    assert note(read(budget=BUDGET)["Spend this month"]).endswith("pace $300.00 · budget $350.00")


def test_the_cause_that_moved_the_spend_is_named() -> None:
    # $80 + $20 after $40 + $40: useful tokens rose by 40, chips fell by 20
    (said,) = moved_said(ROWS, OCTOBER, "USD")
    assert plain(said.sentence) == (
        "Spend is $20.00 more than in September."
        " Most of that is useful tokens: $80.00 after $40.00."
    )
    (said,) = moved_said(replace(ROWS, before=total("80", chips="60")), OCTOBER, "USD")
    assert "$40.00 less" in said.sentence
    assert "chips: $20.00 after $60.00." in said.sentence


def test_less_than_a_hundredth_is_no_news() -> None:
    assert not list(moved_said(replace(ROWS, before=total("100.5")), OCTOBER, "USD"))
    assert not list(moved_said(replace(ROWS, before=None), OCTOBER, "USD"))
