"""Charts of the page of bursts: amounts by baseline, ways to pay, credits over time."""

from decimal import Decimal
from typing import Any

import pytest

from dashboards.charts import baselines, burst_credits, reserved
from dashboards.charts.reserved import Bar
from metering.usage.burst_terms import CREDIT_PLACES
from tests.metering.usage.burst_oracle import seconds_from_epoch

D = Decimal
CURVE = [(D(0), D("18.5")), (D("0.5"), D(7)), (D(2), D("28.58")), (D(9), D(400))]


def test_the_curve_ends_where_nobody_would_choose() -> None:
    assert baselines.near(CURVE, D("18.5")) == CURVE[:3]
    assert baselines.near(CURVE, D(0)) == CURVE  # nothing to measure it by
    assert baselines.near(CURVE[:1], D(1)) == CURVE[:1]


def test_the_cheapest_baseline_and_the_one_in_force_are_marked() -> None:
    figure: Any = baselines.figure(CURVE[:3], D("0.5"), (D(2), D("28.58")), "USD")
    line, best, current = figure.data
    assert (list(line.x), list(line.y)) == (["0", "0.5", "2"], ["18.5", "7", "28.58"])
    assert (best.name, list(best.x), list(best.y)) == ("least cost", ["0.5"], ["7"])
    assert (current.name, list(current.customdata)) == ("in force", ["$28.58"])
    assert list(figure.layout.xaxis.ticktext) == ["0", "0.5", "1", "1.5", "2"]


@pytest.mark.parametrize(
    ("last", "ticks"),
    [
        ("0.03", "0 0.005 0.01 0.015 0.02 0.025 0.03"),
        ("1", "0 0.2 0.4 0.6 0.8 1"),
        ("87", "0 20 40 60 80"),
        ("10000", "0 2000 4000 6000 8000 10000"),
        ("0", "0 0.2 0.4 0.6 0.8 1"),
    ],
)
def test_the_axis_of_baselines_has_round_numbers_whatever_the_size(last: str, ticks: str) -> None:
    figure: Any = baselines.figure([(D(0), D(1)), (D(last), D(2))], D(0), None, "USD")
    assert list(figure.layout.xaxis.ticktext) == ticks.split()


def test_the_table_names_the_cheapest() -> None:
    table = baselines.table(CURVE[:2], D("0.5"), "USD")
    assert table.rows == [("0", "$18.50"), ("0.5 (least cost)", "$7.00")]


def test_ways_to_pay_are_stacked_from_their_parts_with_the_total_above() -> None:
    bars = [
        Bar("As bursts", (D("17.28"), D("11.3"), D(0), D("0.25"), D(0))),
        Bar("Peak", (D(0), D(0), D(0), D(0), D(432))),
    ]
    figure: Any = reserved.figure(bars, "USD")
    *parts, totals = figure.data
    assert [part.name for part in parts] == list(reserved.PARTS)
    assert [list(part.y) for part in parts[:2]] == [["17.28", "0"], ["11.3", "0"]]
    assert list(totals.text) == ["$28.83", "$432.00"]
    assert reserved.table(bars, "USD").rows[0][-1] == "$28.83"


def test_credits_are_a_line_on_the_tenants_clock() -> None:
    hour = seconds_from_epoch("0", "3600")
    unit = 10**CREDIT_PLACES
    line = [(0, 0), (300_000_000, 600 * unit), (3_600_000_000, 600 * unit + unit // 3)]
    figure: Any = burst_credits.figure(line, hour, "Asia/Kolkata")
    (trace,) = figure.data
    assert list(trace.y) == ["0", "600", "600.333"]
    # Half past five in Kolkata is midnight in UTC.
    assert trace.customdata[1].endswith("05:35:00")
    table = burst_credits.table(line, hour, "Asia/Kolkata")
    assert [row[1] for row in table.rows] == ["0", "600", "600.333"]
