"""Half-open periods: tenant days of 23, 24 and 25 hours, months and hours in zones far and odd."""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.usage.period import (
    Period,
    clock_hours,
    day_period,
    local_days,
    local_months,
    month_period,
    range_period,
)

ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",
    "Asia/Shanghai",
    "Australia/Lord_Howe",
    "Pacific/Kiritimati",
    "Pacific/Chatham",
    "Etc/GMT+12",
    "America/Havana",
    "America/Santiago",
    "Atlantic/Azores",
]
HOUR = timedelta(hours=1)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    ("year_month", "zone", "start", "end"),
    [
        ("2026-10", "UTC", utc(2026, 10, 1), utc(2026, 11, 1)),
        ("2026-12", "UTC", utc(2026, 12, 1), utc(2027, 1, 1)),
        # +14: the first of October begins on 30 September at 10:00 UTC.
        ("2026-10", "Pacific/Kiritimati", utc(2026, 9, 30, 10), utc(2026, 10, 31, 10)),
        # −12: it begins at noon.
        ("2026-10", "Etc/GMT+12", utc(2026, 10, 1, 12), utc(2026, 11, 1, 12)),
        # +5:30
        ("2026-02", "Asia/Kolkata", utc(2026, 1, 31, 18, 30), utc(2026, 2, 28, 18, 30)),
        # Summer time (+2) at the start, winter time (+1) at the end.
        ("2026-10", "Europe/Berlin", utc(2026, 9, 30, 22), utc(2026, 10, 31, 23)),
        ("2028-02", "UTC", utc(2028, 2, 1), utc(2028, 3, 1)),
    ],
)
def test_a_month_begins_and_ends_on_the_tenants_clock(
    year_month: str, zone: str, start: datetime, end: datetime
) -> None:
    assert month_period(year_month, zone) == Period(start, end)


@pytest.mark.parametrize(
    ("day", "zone", "hours"),
    [
        (date(2026, 3, 29), "Europe/Berlin", "23"),
        (date(2026, 10, 25), "Europe/Berlin", "25"),
        (date(2026, 10, 24), "Europe/Berlin", "24"),
        (date(2026, 11, 1), "America/New_York", "25"),
        (date(2026, 4, 5), "Australia/Lord_Howe", "24.5"),
        (date(2026, 10, 4), "Australia/Lord_Howe", "23.5"),
        # 00:00 is skipped in Santiago: the day begins at 01:00 of the new time.
        (date(2026, 9, 6), "America/Santiago", "23"),
        # 00:00 is shown twice in Havana and on the Azores: the day begins with the first.
        (date(2026, 11, 1), "America/Havana", "25"),
        (date(2026, 10, 25), "Atlantic/Azores", "25"),
        (date(2026, 10, 25), "Asia/Kolkata", "24"),
    ],
)
def test_a_day_has_the_hours_that_the_clock_gives_it(day: date, zone: str, hours: str) -> None:
    assert day_period(day, zone).seconds == Decimal(hours) * 3600


def test_a_month_with_a_shifted_clock_is_an_hour_longer_or_shorter() -> None:
    assert month_period("2026-03", "Europe/Berlin").seconds == (31 * 24 - 1) * 3600
    assert month_period("2026-10", "Europe/Berlin").seconds == (31 * 24 + 1) * 3600


def test_a_date_that_the_zone_jumped_over_is_no_day_and_in_no_list() -> None:
    with pytest.raises(ValueError, match=r"no time from 2011-12-30 to 2011-12-31 in Pacific/Apia"):
        day_period(date(2011, 12, 30), "Pacific/Apia")
    around = range_period(date(2011, 12, 29), date(2012, 1, 1), "Pacific/Apia")
    assert local_days(around, "Pacific/Apia") == [date(2011, 12, 29), date(2011, 12, 31)]
    assert around.seconds == 2 * 86400


def test_local_days_are_those_that_the_period_has_a_part_of() -> None:
    # 23:30 to 00:30 on Shanghai's clock, which is 15:30 to 16:30 in UTC.
    period = Period(utc(2026, 10, 5, 15, 30), utc(2026, 10, 5, 16, 30))
    assert local_days(period, "Asia/Shanghai") == [date(2026, 10, 5), date(2026, 10, 6)]
    assert local_days(period, "UTC") == [date(2026, 10, 5)]


def test_a_period_that_ends_at_midnight_has_no_part_of_the_next_day() -> None:
    assert local_days(day_period(date(2026, 10, 25), "Europe/Berlin"), "Europe/Berlin") == [
        date(2026, 10, 25)
    ]


@given(
    st.sampled_from(ZONES),
    st.dates(date(1990, 1, 1), date(2040, 1, 1)),
    st.integers(1, 70),
)
def test_the_days_of_a_range_follow_each_other_and_make_it_up(
    zone: str, first: date, count: int
) -> None:
    whole = range_period(first, first + timedelta(days=count), zone)
    days = [day_period(day, zone) for day in local_days(whole, zone)]
    assert days[0].start == whole.start
    assert days[-1].end == whole.end
    assert all(before.end == after.start for before, after in pairwise(days))
    assert sum(day.seconds for day in days) == whole.seconds


@given(st.sampled_from(ZONES), st.datetimes(datetime(1990, 1, 1), datetime(2040, 1, 1)))  # noqa: DTZ001
def test_the_hours_of_a_period_follow_each_other_and_make_it_up(zone: str, naive: datetime) -> None:
    start = naive.replace(tzinfo=UTC)
    period = Period(start, start + timedelta(days=2, minutes=17))
    hours = clock_hours(period, zone)
    assert (hours[0].start, hours[-1].end) == (period.start, period.end)
    assert all(before.end == after.start for before, after in pairwise(hours))
    assert all(hour.end - hour.start <= HOUR for hour in hours)


def test_clock_hours_are_cut_at_the_tenants_full_hours() -> None:
    period = Period(utc(2026, 10, 5, 0, 15), utc(2026, 10, 5, 2))
    # Kolkata shows 05:45 at the start: 06:00 is at 00:30 UTC, 07:00 at 01:30.
    assert [hour.start for hour in clock_hours(period, "Asia/Kolkata")] == [
        utc(2026, 10, 5, 0, 15),
        utc(2026, 10, 5, 0, 30),
        utc(2026, 10, 5, 1, 30),
    ]
    assert [hour.end.hour for hour in clock_hours(period, "UTC")] == [1, 2]


def test_a_day_of_25_hours_has_25_clock_hours() -> None:
    day = day_period(date(2026, 10, 25), "Europe/Berlin")
    assert len(clock_hours(day, "Europe/Berlin")) == 25
    # 02:00 comes back as 01:30: one half hour more than 24.
    shifted = day_period(date(2026, 4, 5), "Australia/Lord_Howe")
    seconds = [hour.seconds for hour in clock_hours(shifted, "Australia/Lord_Howe")]
    assert sorted(seconds) == [1800] + 24 * [3600]


def test_a_period_is_half_open_and_knows_its_microseconds() -> None:
    period = Period(utc(2026, 1, 1), utc(2026, 1, 1, 0, 0, 1, 500000))
    assert period.start in period
    assert period.end not in period
    assert period.seconds == Decimal("1.5")
    assert period.end_us - period.start_us == 1_500_000
    assert Period(utc(1970, 1, 1), utc(1970, 1, 2)).end_us == 86_400_000_000


def test_bounds_in_another_zone_are_brought_to_utc() -> None:
    shanghai = timezone(timedelta(hours=8))
    period = Period(datetime(2026, 1, 1, 8, tzinfo=shanghai), utc(2026, 1, 2))
    assert period.start.isoformat() == "2026-01-01T00:00:00+00:00"
    assert period == Period(utc(2026, 1, 1), utc(2026, 1, 2))


def test_periods_that_only_touch_have_nothing_in_common() -> None:
    first = Period(utc(2026, 1, 1), utc(2026, 1, 3))
    assert first.intersect(Period(utc(2026, 1, 3), utc(2026, 1, 4))) is None
    overlap = Period(utc(2026, 1, 2), utc(2026, 1, 3))
    assert first.intersect(Period(utc(2026, 1, 2), utc(2026, 1, 9))) == overlap


@pytest.mark.parametrize(
    "bad", ["2026-13", "2026-00", "2026-1", "26-01", "2026-10-01", "", "0000-01", "٢٠٢٦-01", "x"]
)
def test_what_is_no_month_is_told_how_to_write_one(bad: str) -> None:
    with pytest.raises(ValueError, match=r"is not a month; write it as YYYY-MM") as caught:
        month_period(bad, "UTC")
    assert str(caught.value).startswith(bad)


@pytest.mark.parametrize("edge", ["0001-01", "9999-12"])
def test_the_edges_of_the_calendar_are_refused_and_not_overflowed(edge: str) -> None:
    with pytest.raises(ValueError, match=r"is not a month"):
        month_period(edge, "Pacific/Kiritimati")


@pytest.mark.parametrize("bad", ["Mars/Olympus", "", "../etc/passwd", "Europe", "UTC\0"])
def test_what_is_no_zone_is_refused_with_a_sentence(bad: str) -> None:
    with pytest.raises(ValueError, match=r"is not a time zone; write it as Europe/Berlin"):
        month_period("2026-10", bad)


def test_a_bound_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match=r"has no time zone"):
        Period(datetime(2026, 1, 1), utc(2026, 1, 2))  # noqa: DTZ001


@pytest.mark.parametrize("end", [utc(2026, 1, 1), utc(2025, 12, 31)])
def test_a_period_without_time_is_refused(end: datetime) -> None:
    with pytest.raises(ValueError, match=r"must end after it starts"):
        Period(utc(2026, 1, 1), end)


def test_a_range_of_no_days_is_refused() -> None:
    with pytest.raises(ValueError, match=r"there is no time from 2026-10-02 to 2026-10-02"):
        range_period(date(2026, 10, 2), date(2026, 10, 2), "UTC")


def test_a_date_beyond_the_calendar_of_utc_is_refused_and_not_overflowed() -> None:
    with pytest.raises(ValueError, match=r"0001-01-01 in Etc/GMT-14 is beyond the calendar"):
        range_period(date.min, date(2026, 1, 1), "Etc/GMT-14")


def test_a_clock_that_is_shifted_within_an_hour_has_the_parts_of_it() -> None:
    # In St. John's the clock went from 00:01 to 01:01 on 14 March 2010.
    day = day_period(date(2010, 3, 14), "America/St_Johns")
    hours = clock_hours(day, "America/St_Johns")
    assert [hour.seconds for hour in hours[:3]] == [60, 59 * 60, 3600]
    assert sum(hour.seconds for hour in hours) == 23 * 3600


def test_a_period_is_cut_at_the_months_of_the_tenants_calendar() -> None:
    # In Shanghai November begins at 16:00 of the day before in UTC.
    period = Period(utc(2026, 10, 31, 15), utc(2026, 12, 1))
    november = month_period("2026-11", "Asia/Shanghai")
    assert local_months(period, "Asia/Shanghai") == [
        Period(utc(2026, 10, 31, 15), november.start),
        november,
        Period(november.end, utc(2026, 12, 1)),
    ]
    assert local_months(november, "Asia/Shanghai") == [november]


@given(st.sampled_from(ZONES), st.integers(0, 400), st.integers(1, 400))
def test_months_leave_no_gap(zone: str, start: int, days: int) -> None:
    begin = utc(2026, 1, 1) + timedelta(days=start, hours=5)
    period = Period(begin, begin + timedelta(days=days))
    months = local_months(period, zone)
    assert (months[0].start, months[-1].end) == (period.start, period.end)
    assert all(before.end == after.start for before, after in pairwise(months))
    assert len(months) <= days // 28 + 2
