"""The rules of others that bursts are billed by elsewhere, with the figures they publish."""

from decimal import Decimal

import pytest

from metering.usage.burst import measure
from metering.usage.burst_level import ChipInterval
from metering.usage.burst_terms import BurstTerms
from tests.metering.usage.burst_oracle import decimals, held, seconds_from_epoch

HOURS = 3600
DAY = seconds_from_epoch("0", "86400")
MONTH = seconds_from_epoch("0", str(30 * 86400))
VCPU_MINUTE = 60  # one CPU credit is one vCPU at 100 % for a minute


def test_a_t3_large_at_40_percent_for_a_day_has_4_8_surplus_vcpu_hours() -> None:
    # The baseline is 30 % of 2 vCPU = 0.6; 40 % of 2 vCPU = 0.8; (0.8 − 0.6) × 24 = 4.8.
    terms = BurstTerms(
        baseline=Decimal("0.6"), credit_accrual=Decimal(1), credit_cap=Decimal(864 * VCPU_MINUTE)
    )
    usage = measure([held("0", "86400", "0.8")], terms, DAY)
    assert usage.burst_chip_seconds / HOURS == Decimal("4.8")
    assert usage.credited_chip_seconds == 0


def test_a_t3_nano_earns_144_credits_in_24_hours_and_holds_no_more() -> None:
    # 2 vCPU × 5 % × 60 min = 6 credits an hour; 6 × 24 = 144, which is also the most it can hold.
    terms = BurstTerms(
        baseline=Decimal("0.1"), credit_accrual=Decimal(1), credit_cap=Decimal(144 * VCPU_MINUTE)
    )
    hour = measure([], terms, seconds_from_epoch("0", "3600"))
    assert hour.closing_credits / VCPU_MINUTE == 6
    day = measure([], terms, DAY)
    assert day.closing_credits / VCPU_MINUTE == 144
    assert measure([], terms, DAY, day.closing_credits).closing_credits == day.closing_credits


def test_a_t3_nano_that_saved_a_day_runs_flat_out_for_75_minutes_and_some() -> None:
    # Both vCPU cost 2 credits a minute and earn 0.1: 144 / 1.9 = 75.78… minutes at 100 %.
    terms = BurstTerms(
        baseline=Decimal("0.1"), credit_accrual=Decimal(1), credit_cap=Decimal(144 * VCPU_MINUTE)
    )
    two_hours = [held("0", "7200", "2")]
    usage = measure(two_hours, terms, DAY, Decimal(144 * VCPU_MINUTE))
    assert usage.credited_chip_seconds == 144 * VCPU_MINUTE
    # 1.9 × 120 − 144 = 84 credits are surplus.
    assert usage.burst_chip_seconds == 84 * VCPU_MINUTE


@pytest.mark.parametrize(
    ("busy_samples", "p95"),
    [
        (432, "10"),  # 30 days have 8,640 samples; 5 %, 432 of them or 36 hours, are free
        (433, "100"),
        (8640, "100"),
    ],
)
def test_95th_percentile_billing_drops_432_of_8640_samples(busy_samples: int, p95: str) -> None:
    rows = [
        held("0", str(30 * 86400), "10"),
        *(held(str(at), str(at + 300), "90") for at in busy(busy_samples)),
    ]
    assert measure(rows, BurstTerms(), MONTH).p95 == Decimal(p95)


def busy(samples: int) -> list[int]:
    """Samples all over the month: their order must not matter. 77 and 8,640 share no divisor."""
    return [n * 77 % 8640 * 300 for n in range(samples)]


def test_samples_are_means_and_not_moments() -> None:
    # A level of 30 for 100 s in each sample is a mean of 10 over 300 s.
    rows = [held(str(at), str(at + 100), "30") for at in busy(8640)]
    usage = measure(rows, BurstTerms(), MONTH)
    assert (usage.p95, usage.peak) == decimals(10, 30)


def test_samples_begin_with_the_period() -> None:
    # 150 to 450 s is one sample of a period from 150 s on, and half of two from 0 on.
    row: list[ChipInterval] = [held("150", "450", "8")]
    assert measure(row, BurstTerms(), seconds_from_epoch("150", "1050")).p95 == 8
    assert measure(row, BurstTerms(), seconds_from_epoch("0", "900")).p95 == 4


def test_a_last_sample_that_is_shorter_is_a_mean_over_what_it_lasts() -> None:
    # 300 s at 1, then 7 s at 6: the mean of the last is 6, and of fewer than 20 none is dropped.
    rows = [held("0", "300", "1"), held("300", "307", "6")]
    assert measure(rows, BurstTerms(), seconds_from_epoch("0", "307")).p95 == 6


@pytest.mark.parametrize(("samples", "dropped"), [(19, 0), (20, 1), (39, 1), (40, 2), (8928, 446)])
def test_five_percent_of_the_samples_is_rounded_down(samples: int, dropped: int) -> None:
    # Sample n has the mean n + 1, so the highest that remains says how many were dropped.
    rows = [held(str(300 * n), str(300 * n + 300), str(n + 1)) for n in range(samples)]
    usage = measure(rows, BurstTerms(), seconds_from_epoch("0", str(300 * samples)))
    assert usage.p95 == samples - dropped


def test_the_95th_of_100_readings_is_billed_as_a_provider_explains_it() -> None:
    # vaultnetworks.com, "95th Percentile Explained": of 100 five-minute readings the five highest,
    # 640, 440, 170, 69 and 40 Kbps, are discarded, and 30 Kbps is billed.
    highest = ["640", "440", "170", "69", "40", "30", "28", "27", "24", "21"]
    rows = [held(str(300 * n), str(300 * n + 300), kbps) for n, kbps in enumerate(highest, start=7)]
    assert measure(rows, BurstTerms(), seconds_from_epoch("0", "30000")).p95 == 30


@pytest.mark.parametrize(
    ("granularity_ms", "minimum_ms", "seconds", "billed"),
    [
        # AWS Lambda until December 2020, and since: a REPORT line of 27.40 ms is billed 100 ms, one
        # of 27.55 ms is billed 28 ms.
        (100, 0, "0.02740", "0.1"),
        (1, 0, "0.02755", "0.028"),
        # Amazon EC2, Linux: by the second, at least a minute.
        (1000, 60_000, "17", "60"),
        (1000, 60_000, "60.1", "61"),
        # A service that runs code: at least a second, then half seconds.
        (500, 1000, "0.1", "1"),
        (500, 1000, "1", "1"),
        (500, 1000, "1.2", "1.5"),
        (500, 1000, "2", "2"),
        (500, 1000, "2.3", "2.5"),
    ],
)
def test_durations_are_rounded_as_others_publish_it(
    granularity_ms: int, minimum_ms: int, seconds: str, billed: str
) -> None:
    terms = BurstTerms(granularity_ms=granularity_ms, minimum_ms=minimum_ms)
    usage = measure([held("100", str(100 + Decimal(seconds)))], terms, DAY)
    assert usage.burst_chip_seconds == Decimal(billed)


def test_sixty_million_calls_of_28_ms_by_the_millisecond_and_by_100() -> None:
    # The announcement of Lambda's billing by the millisecond: 60 million × 28 ms of a gigabyte at
    # 0.0000166667 for a gigabyte-second are $28, and by 100 ms they were $100.
    calls = [held("0", "0.028", str(60 * 10**6))]
    bills = {}
    for granularity in (1, 100):
        usage = measure(calls, BurstTerms(granularity_ms=granularity), MONTH)
        bills[granularity] = usage.burst_chip_seconds * Decimal("0.0000166667")
    assert bills == {1: Decimal("28.000056"), 100: Decimal("100.0002")}
