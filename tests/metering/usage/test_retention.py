"""The weekly retention table, out of counts by cohort and week."""

from collections import Counter
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.usage.retention import Cohort, monday, retention_table

FIRST = date(2026, 9, 28)


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (date(2026, 10, 4), date(2026, 9, 28)),  # Sunday
        (date(2026, 10, 5), date(2026, 10, 5)),
        (date(2027, 1, 1), date(2026, 12, 28)),  # ISO 8601: week 53 of 2026
    ],
)
def test_weeks_begin_on_monday(day: date, expected: date) -> None:
    assert monday(day) == expected


def test_a_cohort_goes_on_to_the_week_that_has_the_last_day() -> None:
    second = FIRST + timedelta(days=7)
    counts = {(FIRST, FIRST): 4, (FIRST, second): 1, (second, second): 2}
    # The range ends on Monday the 12th, which is not in it any more.
    assert retention_table(counts, date(2026, 10, 12)) == [
        Cohort(FIRST, (4, 1)),
        Cohort(second, (2,)),
    ]
    three = retention_table(counts, date(2026, 10, 13))
    assert three == [Cohort(FIRST, (4, 1, 0)), Cohort(second, (2, 0))]
    assert three[0].agents == 4
    assert three[0].rates == (Decimal(1), Decimal("0.25"), Decimal(0))


@given(st.lists(st.sets(st.integers(0, 60), min_size=1), max_size=12))
def test_it_is_what_each_agents_days_say(agents: list[set[int]]) -> None:
    """Day numbers of each agent; the oracle asks every agent about every week."""
    end = FIRST + timedelta(days=61)
    weeks = [{day // 7 for day in days} for days in agents]
    counts = Counter(
        (FIRST + timedelta(days=7 * min(own)), FIRST + timedelta(days=7 * week))
        for own in weeks
        for week in own
    )
    table = retention_table(counts, end)
    for cohort in table:
        first = (cohort.week - FIRST).days // 7
        members = [own for own in weeks if min(own) == first]
        expected = [sum(week in own for own in members) for week in range(first, 9)]
        assert list(cohort.retained) == expected
        assert all(0 <= rate <= 1 for rate in cohort.rates)
    assert sum(cohort.agents for cohort in table) == len(agents)
