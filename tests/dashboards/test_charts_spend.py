"""Spend by day: one bar a day, stacked by cause, amounts to the last digit."""

from datetime import date
from decimal import Decimal

import pytest

from billing.queries import SpendDay
from dashboards.charts import spend

FIRST = SpendDay(
    date=date(2026, 10, 1),
    useful=Decimal("10.123456789012345678"),
    repeated=Decimal("2.5"),
    failed=Decimal("0.25"),
    chips=Decimal(7),
)
SECOND = SpendDay(date=date(2026, 10, 2), useful=Decimal(1), tools=Decimal("0.5"), unpriced=["m9"])


def test_the_stack_goes_from_useful_tokens_up_to_tools() -> None:
    figure = spend.figure([FIRST, SECOND], "USD")
    *bars, _, _ = figure.data
    assert [bar.name for bar in bars] == [
        "Useful tokens",
        "Repeated tokens",
        "Failed tokens",
        "Retried tokens",
        "Chips",
        "Tools",
    ]
    assert figure.layout.barmode == "stack"
    colours = [bar.marker.color for bar in bars]
    assert colours == [f"var(--{c.name})" for c in spend.CAUSES]


def test_amounts_reach_the_browser_as_exact_decimals_and_as_money() -> None:
    useful = spend.figure([FIRST, SECOND], "USD").data[0]
    assert list(useful.x) == ["2026-10-01", "2026-10-02"]
    assert list(useful.y) == ["10.123456789012345678", "1"]
    assert list(useful.customdata) == ["$10.12", "$1.00"]


def test_a_day_with_usage_without_a_price_is_marked_and_its_total_says_so() -> None:
    *_, totals, marks = spend.figure([FIRST, SECOND], "USD").data
    assert (list(marks.x), list(marks.y)) == (["2026-10-02"], ["1.5"])
    # 10.123456789012345678 + 2.5 + 0.25 + 7 = 19.873456789012345678; 1 + 0.5 = 1.5
    assert list(totals.y) == ["19.873456789012345678", "1.5"]
    assert list(totals.customdata) == ["$19.87", "$1.50 and usage without a price"]


def test_the_legend_adds_up_each_cause() -> None:
    amounts = {item.name: item.amount for item in spend.legend([FIRST, SECOND])}
    assert amounts["useful"] == Decimal("11.123456789012345678")
    assert (amounts["tools"], amounts["retried"]) == (Decimal("0.5"), Decimal(0))


def test_the_table_has_the_days_of_the_chart() -> None:
    table = spend.table([FIRST, SECOND], "EUR")
    assert table.columns == ("Day", *(cause.label for cause in spend.CAUSES), "Total")
    first = ("1 Oct 2026", "€10.12", "€2.50", "€0.25", "€0.00", "€7.00", "€0.00", "€19.87")
    assert tuple(cell.replace("\u00a0", " ") for cell in table.rows[0]) == first
    assert table.rows[1][-1] == "€1.50 and usage without a price"


@pytest.mark.parametrize(
    ("highest", "tick_format"), [("0.002", "~g"), ("0.5", ",.2f"), ("9.99", ",.2f"), ("10", ",.0f")]
)
def test_the_axis_has_as_many_decimals_as_its_height_needs(highest: str, tick_format: str) -> None:
    figure = spend.figure([SpendDay(date=date(2026, 10, 1), useful=Decimal(highest))], "USD")
    assert figure.layout.yaxis.tickformat == tick_format
    assert figure.layout.yaxis.tickprefix == "$"
