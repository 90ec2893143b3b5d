"""Bursts against a tick-by-tick simulation on random intervals, and the laws they obey."""

from dataclasses import asdict, replace
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metering.usage.burst import joined, measure, under
from metering.usage.burst_level import ChipInterval
from metering.usage.burst_terms import CREDIT_PLACES, BurstTerms, credits_over_time
from metering.usage.burst_usage import BurstUsage
from metering.usage.exact import QUOTIENT_DIGITS
from metering.usage.period import Period
from tests.metering.usage.burst_oracle import Simulation, seconds_from_epoch
from tests.metering.usage.burst_strategies import MILLISECOND, MINUTE, OPENING, intervals, terms

ADDED_UP = (
    "active_chip_seconds",
    "baseline_chip_seconds",
    "credited_chip_seconds",
    "burst_chip_seconds",
    "idle_chip_seconds",
    "cold_starts",
)
ROUNDED = {"mean", "p95", "dormancy"}


def agrees(usage: BurstUsage, expected: dict[str, Fraction]) -> None:
    for name, exact in expected.items():
        found = Fraction(getattr(usage, name))
        if name in ROUNDED:
            assert abs(found - exact) <= exact * Fraction(1, 10 ** (QUOTIENT_DIGITS - 1)), name
        else:
            assert found == exact, name


@settings(deadline=None)
@given(st.data(), OPENING, st.sampled_from(["UTC", "Asia/Kolkata"]))
def test_every_figure_is_that_of_a_walk_minute_by_minute(
    data: st.DataObject, opening: Decimal, zone: str
) -> None:
    ticks = data.draw(st.integers(1, 190))
    period = seconds_from_epoch("0", str(60 * ticks))
    rows, contract = data.draw(intervals(MINUTE, ticks)), data.draw(terms(MINUTE))
    usage = measure(iter(rows), contract, period, opening, zone)
    expected = Simulation(rows, contract, MINUTE).run(period, Fraction(opening), zone)
    agrees(usage, asdict(expected))


@settings(deadline=None)
@given(st.data(), OPENING)
def test_every_figure_is_that_of_a_walk_millisecond_by_millisecond(
    data: st.DataObject, opening: Decimal
) -> None:
    ticks = data.draw(st.integers(1, 60))
    period = seconds_from_epoch("0", str(Decimal(ticks) / 1000))
    rows, contract = data.draw(intervals(MILLISECOND, ticks)), data.draw(terms(MILLISECOND))
    usage = measure(iter(rows), contract, period, opening)
    expected = Simulation(rows, contract, MILLISECOND).run(period, Fraction(opening))
    agrees(usage, asdict(expected))


HOURS = 3
THREE_HOURS = seconds_from_epoch("0", str(3600 * HOURS))
ROWS = intervals(MINUTE, 60 * HOURS)
TERMS = terms(MINUTE)


@given(ROWS, TERMS, st.randoms())
def test_the_order_of_intervals_changes_nothing(
    rows: list[ChipInterval], contract: BurstTerms, random: Random
) -> None:
    shuffled = random.sample(rows, len(rows))
    assert measure(shuffled, contract, THREE_HOURS) == measure(rows, contract, THREE_HOURS)


@given(ROWS, TERMS)
def test_adding_up_intervals_of_the_same_bounds_changes_nothing(
    rows: list[ChipInterval], contract: BurstTerms
) -> None:
    halves = [row for row in rows for _ in range(2)]
    whole = [row._replace(units=2 * row.units, events=2 * row.events) for row in rows]
    assert measure(halves, contract, THREE_HOURS) == measure(whole, contract, THREE_HOURS)


@given(ROWS, st.integers(0, 180))
def test_without_rounding_an_active_interval_may_be_cut_anywhere(
    rows: list[ChipInterval], minute: int
) -> None:
    at, contract = minute * MINUTE, BurstTerms(baseline=Decimal(1))
    rows = [row._replace(phase="active") for row in rows]
    cut = [
        part
        for row in rows
        for part in (
            row._replace(ended_at=max(row.started_at, min(at, row.ended_at))),
            row._replace(started_at=max(row.started_at, min(at, row.ended_at))),
        )
    ]
    assert measure(cut, contract, THREE_HOURS) == measure(rows, contract, THREE_HOURS)


@given(ROWS, TERMS, st.integers(1, 179), OPENING)
def test_two_periods_with_credits_handed_on_add_up_to_one(
    rows: list[ChipInterval], contract: BurstTerms, minute: int, opening: Decimal
) -> None:
    middle = THREE_HOURS.start + timedelta(minutes=minute)
    first = measure(rows, contract, Period(THREE_HOURS.start, middle), opening)
    second = measure(
        rows, contract, Period(middle, THREE_HOURS.end), opening_credits=first.closing_credits
    )
    whole = measure(rows, contract, THREE_HOURS, opening)
    for name in ADDED_UP:
        parts = Fraction(getattr(first, name)) + Fraction(getattr(second, name))
        assert parts == Fraction(getattr(whole, name)), name
    assert second.closing_credits == whole.closing_credits
    assert max(first.peak, second.peak) == whole.peak
    # A stretch that crosses the cut is one in each part.
    assert whole.bursts <= first.bursts + second.bursts <= whole.bursts + 1


@given(ROWS, TERMS, st.integers(1, 179), OPENING)
def test_the_parts_of_a_period_joined_are_the_period_in_every_figure(
    rows: list[ChipInterval], contract: BurstTerms, minute: int, opening: Decimal
) -> None:
    middle = THREE_HOURS.start + timedelta(minutes=minute)
    first = measure(rows, contract, Period(THREE_HOURS.start, middle), opening)
    second = measure(rows, contract, Period(middle, THREE_HOURS.end), first.closing_credits)
    assert joined([first, second], THREE_HOURS) == measure(rows, contract, THREE_HOURS, opening)


@given(ROWS, TERMS, TERMS, OPENING)
def test_other_terms_put_to_a_level_are_those_that_it_is_measured_under(
    rows: list[ChipInterval], contract: BurstTerms, other: BurstTerms, opening: Decimal
) -> None:
    other = replace(other, granularity_ms=contract.granularity_ms, minimum_ms=contract.minimum_ms)
    usage = under(measure(rows, contract, THREE_HOURS), other, opening)
    assert usage == measure(rows, other, THREE_HOURS, opening)
    with pytest.raises(ValueError, match="another level has to be measured"):
        under(usage, replace(other, minimum_ms=other.minimum_ms + 1))


@given(ROWS, ROWS, TERMS)
def test_more_work_is_never_less_burst(
    rows: list[ChipInterval], more: list[ChipInterval], contract: BurstTerms
) -> None:
    less, usage = (measure(r, contract, THREE_HOURS) for r in (rows, rows + more))
    for name in (
        *("peak", "mean", "p95", "active_chip_seconds", "baseline_chip_seconds"),
        *("burst_chip_seconds", "idle_chip_seconds", "cold_starts"),
        *("reserved_peak_chip_seconds", "reserved_hourly_chip_seconds"),
    ):
        assert getattr(usage, name) >= getattr(less, name), name
    assert usage.dormancy <= less.dormancy
    assert usage.closing_credits <= less.closing_credits


@given(ROWS, TERMS, st.sampled_from(["baseline", "credit_accrual", "credit_cap"]), OPENING)
def test_a_better_contract_is_never_more_burst(
    rows: list[ChipInterval], contract: BurstTerms, field: str, opening: Decimal
) -> None:
    fields = {name: getattr(contract, name) for name in BurstTerms.__dataclass_fields__}
    better = BurstTerms(**{**fields, field: fields[field] + 1})
    less = measure(rows, better, THREE_HOURS, opening)
    assert (
        less.burst_chip_seconds <= measure(rows, contract, THREE_HOURS, opening).burst_chip_seconds
    )


@given(ROWS, TERMS, OPENING)
def test_the_parts_make_the_whole_and_stay_within_their_bounds(
    rows: list[ChipInterval], contract: BurstTerms, opening: Decimal
) -> None:
    usage = measure(rows, contract, THREE_HOURS, opening)
    parts = (usage.baseline_chip_seconds, usage.credited_chip_seconds, usage.burst_chip_seconds)
    # Fractions, for a sum of decimals is rounded by their context.
    assert sum(map(Fraction, parts)) == Fraction(usage.active_chip_seconds)
    assert usage.baseline_chip_seconds <= contract.baseline * THREE_HOURS.seconds
    assert 0 <= usage.closing_credits <= contract.credit_cap
    assert 0 <= usage.dormancy <= 1
    assert usage.p95 <= usage.peak
    assert usage.mean <= usage.peak
    assert usage.active_chip_seconds <= usage.reserved_peak_chip_seconds
    assert usage.active_chip_seconds <= usage.reserved_hourly_chip_seconds


@given(ROWS, TERMS)
def test_the_steps_begin_with_the_period_and_hold_its_chip_seconds(
    rows: list[ChipInterval], contract: BurstTerms
) -> None:
    usage = measure(rows, contract, THREE_HOURS)
    times, levels = zip(*usage.steps, strict=True)
    assert times[0] == THREE_HOURS.start_us
    assert list(times) == sorted(set(times))
    assert all(before != after for before, after in pairwise(levels))
    ends = [*times[1:], THREE_HOURS.end_us]
    area = sum(
        Fraction(level) * (end - at) for at, end, level in zip(times, ends, levels, strict=True)
    )
    assert area == Fraction(usage.active_chip_seconds) * 10**6


@given(ROWS, TERMS, OPENING, st.integers(1, 179))
def test_the_line_of_credits_is_what_is_left_at_every_moment(
    rows: list[ChipInterval], contract: BurstTerms, opening: Decimal, minute: int
) -> None:
    level = measure(rows, contract, THREE_HOURS).level
    line = credits_over_time(level, contract, opening)
    moment = THREE_HOURS.start + timedelta(minutes=minute)
    left = measure(rows, contract, Period(THREE_HOURS.start, moment), opening).closing_credits
    at = moment - THREE_HOURS.start
    us = THREE_HOURS.start_us + at // timedelta(microseconds=1)
    before, after = next(pair for pair in pairwise(line) if pair[0][0] <= us <= pair[1][0])
    share = Fraction(us - before[0], after[0] - before[0]) if after[0] > before[0] else Fraction(1)
    drawn = before[1] + share * (after[1] - before[1])
    # A corner is drawn at a whole microsecond, in which 130,000 chips at most earn or spend.
    assert abs(drawn / 10**CREDIT_PLACES - Fraction(left)) <= Fraction(130_000, 10**6)
    assert [at for at, _ in line] == sorted(at for at, _ in line)
