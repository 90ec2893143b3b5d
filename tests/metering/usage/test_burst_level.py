"""How chip intervals are stretched, cut at the period and added up to a level."""

from decimal import Decimal

import pytest

from metering.usage.burst import measure
from metering.usage.burst_level import ChipInterval
from metering.usage.burst_terms import BurstTerms
from tests.metering.usage.burst_oracle import decimals, held, seconds_from_epoch

HOUR = seconds_from_epoch("0", "3600")


@pytest.mark.parametrize(
    ("granularity_ms", "minimum_ms", "seconds", "billed"),
    [
        # In steps of 100 ms, as functions were once billed: ceil(0.0301 / 0.1) × 0.1 = 0.1.
        (100, 0, "0.0301", "0.1"),
        (100, 0, "0.1", "0.1"),
        (100, 0, "0.100001", "0.2"),
        # By the second with a minimum of a minute, as machines are billed.
        (1000, 60_000, "0.000001", "60"),
        (1000, 60_000, "60", "60"),
        (1000, 60_000, "60.2", "61"),
        # By the second without a minimum.
        (1000, 0, "59.999999", "60"),
        # By the millisecond, and not rounded at all.
        (1, 0, "0.0301", "0.031"),
        (0, 0, "0.0301", "0.0301"),
        # A minimum alone does not round what is above it.
        (0, 1000, "0.3", "1"),
        (0, 1000, "1.000001", "1.000001"),
        # max(1.5, ceil(1.2 / 1) × 1 = 2) = 2: the minimum is not rounded, but may be exceeded.
        (1000, 1500, "1.2", "2"),
        (1000, 1500, "0.7", "1.5"),
        # Nothing was held: no step is begun, but a minimum is due.
        (100, 0, "0", "0"),
        (100, 1000, "0", "1"),
        (0, 0, "0", "0"),
    ],
)
def test_an_interval_is_stretched_to_the_minimum_and_to_whole_steps(
    granularity_ms: int, minimum_ms: int, seconds: str, billed: str
) -> None:
    terms = BurstTerms(granularity_ms=granularity_ms, minimum_ms=minimum_ms)
    usage = measure([held("7", str(7 + Decimal(seconds)))], terms, HOUR)
    assert usage.active_chip_seconds == Decimal(billed)


@pytest.mark.parametrize("phase", ["active", "cold_start", "idle"])
def test_every_phase_is_stretched(phase: str) -> None:
    usage = measure([held("0", "0.3", "2", phase)], BurstTerms(minimum_ms=1000), HOUR)
    assert usage.active_chip_seconds + usage.idle_chip_seconds == 2


def test_each_interval_is_stretched_before_they_are_added_up() -> None:
    # Two of 0.5 s that follow each other become 1 s each and overlap for half a second.
    rows = [held("10", "10.5"), held("10.5", "11")]
    usage = measure(rows, BurstTerms(granularity_ms=1000), HOUR)
    assert usage.active_chip_seconds == 2
    assert usage.steps == [
        (0, Decimal(0)),
        (10_000_000, Decimal(1)),
        (10_500_000, Decimal(2)),
        (11_000_000, Decimal(1)),
        (11_500_000, Decimal(0)),
    ]


def test_the_level_is_the_sum_of_active_and_cold_start_and_idle_is_apart() -> None:
    rows = [
        held("0", "100", "1.5"),
        held("50", "100", "2", "cold_start"),
        held("0", "200", "4", "idle"),
    ]
    usage = measure(rows, BurstTerms(), seconds_from_epoch("0", "1000"))
    assert usage.peak == Decimal("3.5")
    assert usage.active_chip_seconds == 250  # 1.5 × 100 + 2 × 50
    assert usage.idle_chip_seconds == 800  # 4 × 200
    assert usage.dormancy == Decimal("0.9")  # idle chips do no work


def test_what_reaches_in_counts_inside_and_what_reaches_out_is_cut_off() -> None:
    rows = [held("50", "130", "1"), held("190", "900", "2"), held("80", "110", "1", "idle")]
    usage = measure(rows, BurstTerms(), seconds_from_epoch("100", "200"))
    assert usage.active_chip_seconds == 50  # 30 × 1 + 10 × 2
    assert usage.idle_chip_seconds == 10
    assert usage.steps == [
        (100_000_000, Decimal(1)),
        (130_000_000, Decimal(0)),
        (190_000_000, Decimal(2)),
    ]


def test_what_ended_before_the_period_may_be_stretched_into_it() -> None:
    # 98.5 to 98.6 counts as 98.5 to 103.5.
    terms = BurstTerms(minimum_ms=5000)
    usage = measure([held("98.5", "98.6")], terms, seconds_from_epoch("100", "200"))
    assert usage.active_chip_seconds == Decimal("3.5")
    assert terms.longest_stretch_ms == 5000


@pytest.mark.parametrize(
    "row", [held("0", "100"), held("0", "50"), held("200", "300"), held("250", "300")]
)
def test_what_lies_outside_the_period_is_not_there(row: ChipInterval) -> None:
    usage = measure([row], BurstTerms(), seconds_from_epoch("100", "200"))
    assert (usage.peak, usage.dormancy) == decimals(0, 1)


def test_a_cold_start_costs_its_fee_in_the_period_it_begins_in() -> None:
    rows = [
        held("99.999999", "150", "1", "cold_start"),  # began before
        held("100", "101", "8", "cold_start"),  # one start, of eight chips
        held("199.999999", "300", "1", "cold_start"),
        held("200", "201", "1", "cold_start"),  # begins with the next
        held("120", "120", "1", "cold_start"),  # over at once, but begun
        held("100", "130", "1", "cold_start")._replace(events=3),
    ]
    usage = measure(rows, BurstTerms(), seconds_from_epoch("100", "200"))
    assert usage.cold_starts == 1 + 1 + 1 + 3


def test_intervals_that_follow_each_other_make_no_step() -> None:
    usage = measure([held("0", "10", "2"), held("10", "20", "2")], BurstTerms(), HOUR)
    assert usage.steps == [(0, Decimal(2)), (20_000_000, Decimal(0))]


def test_the_smallest_count_is_kept_beside_the_largest() -> None:
    rows = [held("0", "3600", "0.000000000000000001"), held("0", "1", str(2**53))]
    usage = measure(rows, BurstTerms(), HOUR)
    assert usage.peak == Decimal("9007199254740992.000000000000000001")
    assert usage.active_chip_seconds == Decimal("9007199254740992.000000000000003600")


def test_a_microsecond_is_kept_in_a_month() -> None:
    month = seconds_from_epoch("0", str(31 * 86400))
    usage = measure([held("5", "5.000001")], BurstTerms(), month)
    assert usage.active_chip_seconds == Decimal("0.000001")


@pytest.mark.parametrize(
    "row",
    [
        ChipInterval(10, 9, 1),
        ChipInterval(0, 1, -1),
        ChipInterval(0, 1, 1, "paused"),
    ],
)
def test_an_impossible_interval_is_refused(row: ChipInterval) -> None:
    with pytest.raises(ValueError, match=r"is not an interval of chips"):
        measure([row], BurstTerms(), HOUR)


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("baseline", Decimal(-1), "is negative"),
        ("credit_accrual", Decimal("NaN"), "is not a number"),
        ("credit_cap", Decimal("0.0000000000000000001"), "at most 18 decimal places"),
        ("granularity_ms", -1, "is negative"),
        ("minimum_ms", -100, "is negative"),
    ],
)
def test_impossible_terms_are_refused_by_name(field: str, value: object, problem: str) -> None:
    with pytest.raises(ValueError, match=f"^{field}: .*{problem}"):
        BurstTerms(**{field: value})  # type: ignore[arg-type]


def test_negative_opening_credits_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^opening_credits: -1 is negative"):
        measure([], BurstTerms(), HOUR, Decimal(-1))
