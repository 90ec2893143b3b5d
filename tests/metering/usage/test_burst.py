"""Credits, bursts, dormancy and the reserved counterfactuals, worked by hand."""

from datetime import date
from decimal import Decimal

import pytest

from metering.usage.burst import joined, measure
from metering.usage.burst_level import ChipInterval
from metering.usage.burst_terms import BurstTerms
from metering.usage.burst_usage import BurstUsage
from metering.usage.period import Period, day_period, month_period
from tests.metering.usage.burst_oracle import decimals, held, seconds_from_epoch

HOUR = seconds_from_epoch("0", "3600")
MONTH = month_period("2026-10", "Asia/Shanghai")
TWO_CHIPS = BurstTerms(baseline=Decimal(2))


def credit_terms(baseline: str, accrual: str, cap: str) -> BurstTerms:
    return BurstTerms(
        baseline=Decimal(baseline), credit_accrual=Decimal(accrual), credit_cap=Decimal(cap)
    )


def charged(usage: BurstUsage) -> tuple[Decimal, Decimal, Decimal, Decimal]:
    return (
        usage.baseline_chip_seconds,
        usage.credited_chip_seconds,
        usage.burst_chip_seconds,
        usage.closing_credits,
    )


@pytest.mark.parametrize(
    ("terms", "opening", "rows", "expected"),
    [
        pytest.param(
            # An hour at level 5 over a baseline of 2: 2 × 3600 and 3 × 3600.
            *(("2", "0", "0"), "0", [held("0", "3600", "5")]),
            ("7200", "0", "10800", "0"),
            id="without credits all above the baseline is burst",
        ),
        pytest.param(
            # 1,800 s at 0 earn 2 × 1800 = 3600; 600 s at 5 take 3 × 600 = 1800; the 1,200 s at 0
            # that follow earn 2400, which the cap of 3600 cuts off: 1800 + 2400 → 3600.
            *(("2", "1", "3600"), "0", [held("1800", "2400", "5")]),
            ("1200", "1800", "0", "3600"),
            id="credits cover a burst that they suffice for",
        ),
        pytest.param(
            # 100 s at 0 earn 1 × 100; 3,500 s at 2 exceed the baseline by 3500: 100 of it covered.
            *(("1", "1", "7200"), "0", [held("100", "3600", "2")]),
            ("3500", "100", "3400", "0"),
            id="credits run out within one step",
        ),
        pytest.param(
            # The first 1,000 s are burst, for credits come later; then 2600 × 1 are earned.
            *(("1", "1", "7200"), "0", [held("0", "1000", "2")]),
            ("1000", "0", "1000", "2600"),
            id="what is earned later does not pay for what was before",
        ),
        pytest.param(
            # At half speed and half the level: 0.5 × (2 − 1) × 3600.
            *(("2", "0.5", "7200"), "0", [held("0", "3600", "1")]),
            ("3600", "0", "0", "1800"),
            id="credits accrue by what is unused of the baseline",
        ),
        pytest.param(
            *(("2", "1", "7200"), "123.4", [held("0", "3600", "2")]),
            ("7200", "0", "0", "123.4"),
            id="at the baseline credits neither grow nor shrink",
        ),
        pytest.param(
            # 3 × 100 beyond the baseline: 250 of them covered by what was carried over.
            *(("2", "0", "7200"), "250", [held("0", "100", "5")]),
            ("200", "250", "50", "0"),
            id="credits of the period before are spent first",
        ),
        pytest.param(
            *(("0", "1", "7200"), "0", [held("0", "100", "5")]),
            ("0", "0", "500", "0"),
            id="without a baseline everything is burst and nothing accrues",
        ),
        pytest.param(
            *(("2", "1", "100"), "5000", [held("0", "1", "2")]),
            ("2", "0", "0", "100"),
            id="credits above the cap are cut to it",
        ),
    ],
)
def test_credits_are_spent_before_anything_is_burst(
    terms: tuple[str, str, str],
    opening: str,
    rows: list[ChipInterval],
    expected: tuple[str, str, str, str],
) -> None:
    usage = measure(rows, credit_terms(*terms), HOUR, Decimal(opening))
    assert charged(usage) == tuple(map(Decimal, expected))


def test_a_full_store_of_credits_earns_no_more_until_some_are_spent() -> None:
    # Full at 100 after 100 s of 500. 50 s at 2 take 50, the next 20 s at 0 earn 20, 430 s at 1
    # nothing: 70 are left, and 200 s at 2 want 200.
    rows = [held("500", "550", "2"), held("570", "1000", "1"), held("1000", "1200", "2")]
    usage = measure(rows, credit_terms("1", "1", "100"), seconds_from_epoch("0", "1200"))
    # Baseline 50 + 430 + 200 = 680, credited 50 + 70 = 120, burst 200 − 70 = 130.
    assert charged(usage) == decimals(680, 120, 130, 0)


@pytest.mark.parametrize(
    ("rows", "bursts"),
    [
        ([], 0),
        ([held("0", "10", "2")], 0),  # at the baseline, not above it
        ([held("0", "10", "3")], 1),
        ([held("0", "10", "3"), held("20", "30", "3")], 2),
        ([held("0", "10", "3"), held("10", "20", "9"), held("20", "30", "4")], 1),
        ([held("0", "10", "3"), held("10", "20", "2"), held("20", "30", "4")], 2),
        ([held("0", "10", "1"), held("2", "8", "1"), held("4", "6", "1")], 1),
        ([held("-50", "10", "3"), held("3500", "4000", "3")], 2),  # cut off at both ends
    ],
)
def test_a_burst_is_one_unbroken_stretch_above_the_baseline(
    rows: list[ChipInterval], bursts: int
) -> None:
    assert measure(rows, TWO_CHIPS, HOUR).bursts == bursts


def test_a_tenant_that_sleeps_all_month_has_used_nothing() -> None:
    usage = measure([], credit_terms("2", "1", "7200"), MONTH)
    assert usage.dormancy == 1
    assert (usage.peak, usage.mean, usage.p95) == decimals(0, 0, 0)
    assert (usage.bursts, usage.cold_starts) == (0, 0)
    assert charged(usage) == decimals(0, 0, 0, 7200)
    assert (usage.reserved_peak_chip_seconds, usage.reserved_hourly_chip_seconds) == decimals(0, 0)
    assert usage.steps == [(MONTH.start_us, Decimal(0))]


def test_a_burst_of_ten_thousand_times_the_usual_level_for_one_second() -> None:
    at = MONTH.start_us + 86400 * 10**6
    rows = [
        ChipInterval(MONTH.start_us, MONTH.end_us, 10**18),
        held("0", "1", "9999", base=at),
    ]
    usage = measure(rows, BurstTerms(baseline=Decimal(1)), MONTH)
    seconds = 31 * 86400
    assert usage.peak == 10_000
    assert charged(usage) == decimals(seconds, 0, 9999, 0)
    assert usage.bursts == 1
    # 1 + 9,999 / 2,678,400
    assert str(usage.mean).startswith("1.003733198924731182795698924731182795")
    assert usage.p95 == 1  # one five-minute mean of 8,928 is higher
    assert usage.reserved_peak_chip_seconds == 10_000 * seconds
    # The hour of the burst needs 10,000 chips, each other one.
    assert usage.reserved_hourly_chip_seconds == 10_000 * 3600 + seconds - 3600


def test_the_mean_and_the_dormancy_are_shares_of_the_period() -> None:
    usage = measure([held("0", "900", "3"), held("900", "1200")], TWO_CHIPS, HOUR)
    # (900 × 3 + 300 × 1) / 3600 = 5/6 and 2400 / 3600 = 2/3, to 50 digits
    assert str(usage.mean) == "0." + "8" + 49 * "3"
    assert str(usage.dormancy) == "0." + 49 * "6" + "7"


@pytest.mark.parametrize(
    ("zone", "rows", "chip_seconds"),
    [
        # The peak of 2.5 needs 3 chips for its hour; the next hour none.
        ("UTC", [held("0", "1", "2.5")], 3 * 3600),
        # 1.2 and 1.3 apart need 2 chips, together 3.
        ("UTC", [held("0", "60", "1.2"), held("60", "120", "1.3")], 2 * 3600),
        ("UTC", [held("0", "61", "1.2"), held("60", "120", "1.3")], 3 * 3600),
        # Over the full hour: 1 chip in each. It ends with the hour: 1 chip in the first alone.
        ("UTC", [held("3599", "3601")], 2 * 3600),
        ("UTC", [held("3599", "3600")], 3600),
        # In Kolkata the hours are cut at 1,800 and 5,400 s: the first of them is cut by the period.
        ("Asia/Kolkata", [held("0", "1", "2.5")], 3 * 1800),
        ("Asia/Kolkata", [held("1799", "1801")], 1800 + 3600),
        ("Asia/Kolkata", [held("7000", "9000", "0.000001")], 1800),
    ],
)
def test_reserved_by_the_hour_is_the_whole_chips_of_each_clock_hours_peak(
    zone: str, rows: list[ChipInterval], chip_seconds: int
) -> None:
    period = seconds_from_epoch("0", "7200")
    usage = measure(rows, BurstTerms(), period, zone=zone)
    assert usage.reserved_hourly_chip_seconds == chip_seconds


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 10, 26), 24)]
)
def test_a_day_of_23_or_25_hours_is_reserved_for_what_it_lasts(day: date, hours: int) -> None:
    period: Period = day_period(day, "Europe/Berlin")
    rows = [ChipInterval(period.start_us, period.end_us, 10**18)]
    usage = measure(rows, TWO_CHIPS, period, zone="Europe/Berlin")
    assert usage.active_chip_seconds == hours * 3600
    assert usage.reserved_peak_chip_seconds == hours * 3600
    assert usage.reserved_hourly_chip_seconds == hours * 3600
    assert usage.mean == 1


def test_a_month_with_a_shifted_clock_has_its_own_number_of_samples() -> None:
    # October in Berlin: 31 × 24 + 1 hours of 12 samples, 5 % of 8,940 is 447.
    october = month_period("2026-10", "Europe/Berlin")
    seconds = {447: 0, 448: 1}
    for busy, p95 in seconds.items():
        rows = [held("0", str(300 * busy), base=october.start_us)]
        assert measure(rows, TWO_CHIPS, october).p95 == p95


def test_parts_under_terms_of_their_own_are_one_period() -> None:
    # Level 3 from 100 to 200 s and from 300 on; from 150 s on the baseline is 4, from 400 s on 1.
    rows = [held("100", "200", "3"), held("300", "600", "3"), held("380", "420", "2")]
    changes = [("0", "150", "2"), ("150", "400", "4"), ("400", "600", "1")]
    parts = [
        measure(rows, BurstTerms(baseline=Decimal(baseline)), seconds_from_epoch(start, end))
        for start, end, baseline in changes
    ]
    whole = joined(parts, seconds_from_epoch("0", "600"))
    # 100–150 is above 2; 5 above 4 from 380 on goes on above 1 after 400: two bursts of three.
    assert [part.bursts for part in parts] == [1, 1, 1]
    assert whole.bursts == 2
    # Within: 2 × 50; 3 × 50, 3 × 80 and 4 × 20; 1 × 200. Above: 50; 20; 2 × 200 + 2 × 20.
    assert charged(whole) == decimals(770, 0, 510, 0)
    assert whole.active_chip_seconds == 770 + 510 == 3 * 100 + 3 * 300 + 2 * 40
    assert (whole.peak, round(whole.p95, 4)) == decimals(5, "3.2667")  # (300 × 3 + 80) / 300
