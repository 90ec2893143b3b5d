from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.ranges import DateRange, RangeError, read_range, recent_months

TODAY = date(2026, 11, 24)


def read(zone: str = "UTC", **params: str) -> DateRange:
    return read_range({name.rstrip("_"): text for name, text in params.items()}, zone, TODAY)


def test_without_a_word_it_is_this_month_so_far() -> None:
    dates = read()
    assert (dates.start, dates.end) == (date(2026, 11, 1), date(2026, 11, 25))
    assert (dates.title, dates.query) == ("this month", "month=2026-11")


def test_a_month_that_is_over_is_whole() -> None:
    dates = read(month="2026-10")
    assert (dates.start, dates.end) == (date(2026, 10, 1), date(2026, 11, 1))
    assert dates.title == "in October 2026"
    assert dates.complete_day == date(2026, 10, 31)


def test_dates_are_half_open() -> None:
    dates = read(from_="2026-10-05", to="2026-10-08")
    assert [day.day for day in dates.dates] == [5, 6, 7]
    assert date(2026, 10, 8) not in dates
    assert dates.query == "from=2026-10-05&to=2026-10-08"


@pytest.mark.parametrize(
    ("params", "before"),
    [
        ({"month": "2026-10"}, (date(2026, 9, 1), date(2026, 10, 1))),
        # 24 days of November, today included, beside the first 24 of October
        ({}, (date(2026, 10, 1), date(2026, 10, 25))),
        ({"from": "2026-10-05", "to": "2026-10-08"}, (date(2026, 10, 2), date(2026, 10, 5))),
    ],
    ids=["a month: the month before", "a running month: as many days", "days: the days before"],
)
def test_what_a_range_is_compared_with(params: dict[str, str], before: tuple[date, date]) -> None:
    previous = read_range(params, "UTC", TODAY).previous
    assert (previous.start, previous.end) == before


def test_one_can_go_from_month_to_month_and_not_into_the_future() -> None:
    october = read(month="2026-10")
    assert october.earlier.query == "month=2026-09"
    assert october.later is not None
    assert october.later.query == "month=2026-11"
    assert october.later.end == date(2026, 11, 25)
    assert october.later.later is None


def test_one_can_go_from_week_to_week() -> None:
    week = read(from_="2026-10-05", to="2026-10-12")
    assert week.earlier.query == "from=2026-09-28&to=2026-10-05"
    assert week.later is not None
    assert week.later.query == "from=2026-10-12&to=2026-10-19"


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        ({"month": "2026-13"}, "2026-13 is not a month"),
        ({"month": "x" * 50}, "is not a month"),
        ({"from": "2026-10-05", "to": "2026-10-05"}, "ends before it starts"),
        ({"from": "2026-10-05", "to": "2026-10-01"}, "ends before it starts"),
        ({"from": "yesterday"}, "'yesterday' is not a date"),
        ({"to": "2026-02-30"}, "'2026-02-30' is not a date"),
        ({"from": "2020-01-01", "to": "2026-01-01"}, "at most 1098"),
        ({"from": "0001-01-01", "to": "0001-01-02"}, "cannot be read"),
        ({"from": "9999-12-01", "to": "9999-12-05"}, "cannot be read"),
    ],
)
def test_a_range_that_cannot_be_is_refused_in_one_sentence(
    params: dict[str, str], problem: str
) -> None:
    with pytest.raises(RangeError, match=problem):
        read_range(params, "Pacific/Auckland", TODAY)


def test_the_day_that_a_zone_left_out_is_no_day() -> None:
    # Samoa went from 29 to 31 December 2011.
    dates = read("Pacific/Apia", from_="2011-12-29", to="2012-01-01")
    assert [day.day for day in dates.dates] == [29, 31]


def test_months_to_choose_from() -> None:
    assert [f"{month:%Y-%m}" for month in recent_months(date(2026, 2, 3), 4)] == [
        "2026-02",
        "2026-01",
        "2025-12",
        "2025-11",
    ]


@given(
    start=st.dates(date(2000, 1, 1), date(2026, 11, 1)),
    days=st.integers(1, 400),
    zone=st.sampled_from(["UTC", "America/New_York", "Asia/Shanghai", "Australia/Lord_Howe"]),
)
def test_an_address_leads_back_to_its_range(start: date, days: int, zone: str) -> None:
    dates = DateRange(start, date.fromordinal(start.toordinal() + days), zone, TODAY)
    params = dict(part.split("=") for part in dates.query.split("&"))
    assert read_range(params, zone, TODAY) == dates
    assert dates.previous.end <= dates.start
    assert dates.earlier.later is None or dates.earlier.end == dates.start
