"""The hit rate against the 70 % line."""

from datetime import date, datetime
from decimal import Decimal

import pytest

from dashboards.charts import efficiency
from dashboards.charts.efficiency import HitDay, Point
from metering.usage.efficiency import TokenSums


def day(number: int, cached: int, uncached: int | None = None) -> HitDay:
    """A day of October on which `cached` of 100 prompt tokens came from a cache."""
    rest = 100 - cached if uncached is None else uncached
    return date(2026, 10, number), TokenSums(cache_read_tokens=cached, input_tokens=rest)


def test_the_line_is_cut_where_it_crosses_seventy_per_cent() -> None:
    # From 80 % to 60 % within a day: 70 % at noon.
    points = list(efficiency.points([day(1, 80), day(2, 60)]))
    assert points == [
        Point(datetime(2026, 10, 1), Decimal("0.8")),  # noqa: DTZ001 - a place on the axis
        Point(datetime(2026, 10, 1, 12), Decimal("0.7")),  # noqa: DTZ001
        Point(datetime(2026, 10, 2), Decimal("0.6")),  # noqa: DTZ001
    ]


def test_only_what_is_under_the_line_is_red() -> None:
    line, red, marks, _ = efficiency.figure([day(1, 80), day(2, 60), day(3, 75)]).data
    assert list(line.y) == ["0.8", "0.7", "0.6", "0.7", "0.75"]
    assert list(red.y) == [None, "0.7", "0.6", "0.7", None]
    assert (line.line.color, red.line.color) == ("var(--useful)", "var(--failed)")
    assert list(marks.x) == ["2026-10-02"]
    assert marks.marker.symbol == "triangle-down"


def test_a_rate_of_exactly_seventy_per_cent_is_not_under_the_line() -> None:
    _, _, marks, _ = efficiency.figure([day(1, 70)]).data
    assert list(marks.x) == []
    assert efficiency.table([day(1, 70)]).rows[0][2] == ""


def test_a_day_without_calls_interrupts_the_line() -> None:
    line, *_ = efficiency.figure([day(1, 80), day(2, 0, 0), day(3, 80)]).data
    assert list(line.y) == ["0.8", None, "0.8"]


def test_the_line_is_drawn_and_named() -> None:
    (line,) = efficiency.figure([day(1, 80)]).layout.shapes
    assert (line.y0, line.y1, line.label.text) == ("0.7", "0.7", "70 %")


@pytest.mark.parametrize(
    ("cached", "bounds"), [(75, ["0.6", "0.8"]), (35, ["0.2", "0.8"]), (0, ["0", "0.8"])]
)
def test_the_axis_reaches_ten_per_cent_past_what_is_shown(cached: int, bounds: list[str]) -> None:
    found = efficiency.figure([day(1, cached)]).layout.yaxis.range
    assert [Decimal(bound) for bound in found] == [Decimal(bound) for bound in bounds]


def test_the_table_says_in_words_which_days_are_under_the_line() -> None:
    (row,) = efficiency.table([day(1, 40)]).rows
    plain = tuple(cell.replace("\u00a0", " ") for cell in row)
    assert plain == ("1 Oct 2026", "40.0 %", "under 70 %", "40", "100", "0.0 %")
