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
