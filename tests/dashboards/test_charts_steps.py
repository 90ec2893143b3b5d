"""Cutting and thinning step functions keeps their extremes exactly."""

from hypothesis import given
from hypothesis import strategies as st

from dashboards.charts.steps import highest, stretch_above, thin, window

TIMES, LEVELS = [0, 10, 20, 30, 40], [0, 3, 5, 1, 4]


def test_a_window_begins_with_the_level_it_finds() -> None:
    assert window(TIMES, LEVELS, 15, 35) == [(15, 3), (20, 5), (30, 1)]
    assert window(TIMES, LEVELS, 20, 30) == [(20, 5)]


def test_the_highest_level_is_found_where_it_began_first() -> None:
    assert highest([0, 5, 9, 12], [1, 7, 2, 7]) == (5, 7)


def test_a_stretch_above_a_limit_is_followed_to_both_sides() -> None:
    assert stretch_above(TIMES, LEVELS, 20, 2, 50) == (10, 30)
    assert stretch_above(TIMES, LEVELS, 40, 2, 50) == (40, 50)


def test_few_steps_stay_as_they_are() -> None:
    steps = list(zip(TIMES, LEVELS, strict=True))
    assert thin(steps, 0, 50) is steps


levels = st.lists(st.integers(0, 10**20), min_size=1, max_size=400)


@given(levels, st.integers(4, 40), st.integers(1, 10**6))
def test_thinning_keeps_order_peak_and_last_level_in_a_bounded_number(
    values: list[int], most: int, gap: int
) -> None:
    steps = [(n * gap, value) for n, value in enumerate(values)]
    found = thin(steps, 0, len(values) * gap, most)
    assert len(found) <= max(most, 4 * (most // 4))
    assert found == sorted(found)
    assert set(found) <= set(steps)
    assert max(value for _, value in found) == max(values)
    assert min(value for _, value in found) == min(values)
    assert (found[0], found[-1]) == (steps[0], steps[-1])
