"""Short bursts of one tenant on one type of chip: what a period's chip intervals come to.

Definitions: README, "The three numbers". Chip-seconds and levels are exact; mean, 95th percentile
and dormancy are quotients, exact to 50 digits and there rounded half to even.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypedDict

from metering.usage.burst_figures import (
    hourly_chip_time,
    percentile_95,
    spend_credits,
    stretches_above,
    time_at_zero,
)
from metering.usage.burst_level import CHIP, CHIP_PLACES, ChipInterval, Level, Rounding, add_up
from metering.usage.exact import from_units, quotient, to_units
from metering.usage.period import Period, clock_hours

_MICRO_PLACES = 6
_AREA_PLACES = CHIP_PLACES + _MICRO_PLACES
# An accrual rate has places of its own, so credits are finer than chip-seconds.
CREDIT_PLACES = _AREA_PLACES + CHIP_PLACES


@dataclass(frozen=True, slots=True, kw_only=True)
class BurstTerms:
    """What a contract says of quantities: chips, credits in chip-seconds, milliseconds.

    Raises ValueError, naming the field, for what is negative or too fine to be counted exactly.
    """

    baseline: Decimal = Decimal(0)
    credit_accrual: Decimal = Decimal(0)
    credit_cap: Decimal = Decimal(0)
    granularity_ms: int = 0
    minimum_ms: int = 0

    def __post_init__(self) -> None:
        for name in ("baseline", "credit_accrual", "credit_cap"):
            _units(name, getattr(self, name), CHIP_PLACES)
        for name in ("granularity_ms", "minimum_ms"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name}: {getattr(self, name)} is negative")

    @property
    def rounding(self) -> Rounding:
        return Rounding(self.granularity_ms * 1000, self.minimum_ms * 1000)

    @property
    def longest_stretch_ms(self) -> int:
        """How far past its end an interval may count: so long before a period, one may reach in."""
        return max(self.granularity_ms, self.minimum_ms)


@dataclass(frozen=True, slots=True, kw_only=True)
class BurstUsage:
    """A period of one tenant and chip type; levels are chips, quantities chip-seconds.

    `active_chip_seconds` = baseline + credited + burst. `reserved_peak_chip_seconds` is the peak
    over the whole period; `reserved_hourly_chip_seconds` the whole chips that each clock hour's
    peak needs, over that hour. `dormancy` is a share of the time, from 0 to 1. Quantities may have
    more digits than the default decimal context keeps: add and multiply them in a wider one.
    """

    peak: Decimal
    mean: Decimal
    p95: Decimal
    active_chip_seconds: Decimal
    baseline_chip_seconds: Decimal
    credited_chip_seconds: Decimal
    burst_chip_seconds: Decimal
    idle_chip_seconds: Decimal
    cold_starts: int
    bursts: int
    dormancy: Decimal
    reserved_peak_chip_seconds: Decimal
    reserved_hourly_chip_seconds: Decimal
    closing_credits: Decimal
    level: Level = field(repr=False)

    @property
    def steps(self) -> list[tuple[int, Decimal]]:
        """The level from each microsecond since the epoch on, beginning with the period."""
        chips = (from_units(units, CHIP_PLACES) for units in self.level.levels)
        return list(zip(self.level.times, chips, strict=True))


def measure(
    intervals: Iterable[ChipInterval],
    terms: BurstTerms,
    period: Period,
    opening_credits: Decimal = Decimal(0),
    zone: str = "UTC",
) -> BurstUsage:
    """Measure the intervals of one tenant and chip, in any order and read once, under the terms.

    What lies outside the period is cut off, so intervals from before it may be among them. Clock
    hours are those of `zone`. Opening credits above the cap are cut to it. Two periods in a row,
    the credits handed on, have the sums of their union. ValueError for an impossible interval.
    """
    work = add_up(intervals, terms.rounding, period.start_us, period.end_us)
    level, duration = work.level, period.end_us - period.start_us
    peak, sample = max(level.levels), percentile_95(level)
    hourly = hourly_chip_time(level, clock_hours(period, zone))
    return BurstUsage(
        peak=from_units(peak, CHIP_PLACES),
        mean=quotient(level.integral(), duration * CHIP),
        p95=quotient(sample[0], sample[1] * CHIP),
        idle_chip_seconds=from_units(work.idle, _AREA_PLACES),
        cold_starts=work.cold_starts,
        dormancy=quotient(time_at_zero(level), duration),
        reserved_peak_chip_seconds=from_units(peak * duration, _AREA_PLACES),
        reserved_hourly_chip_seconds=from_units(hourly, _MICRO_PLACES),
        level=level,
        **_split(level, terms, opening_credits),
    )


class _Split(TypedDict):
    active_chip_seconds: Decimal
    baseline_chip_seconds: Decimal
    credited_chip_seconds: Decimal
    burst_chip_seconds: Decimal
    bursts: int
    closing_credits: Decimal


def _split(level: Level, terms: BurstTerms, opening_credits: Decimal) -> _Split:
    """The active chip-seconds by what they are charged to, each in credits' units until the end."""
    baseline = _units("baseline", terms.baseline, CHIP_PLACES)
    spent, left = spend_credits(
        level,
        baseline,
        _units("credit_accrual", terms.credit_accrual, CHIP_PLACES),
        _units("credit_cap", terms.credit_cap, CREDIT_PLACES),
        _units("opening_credits", opening_credits, CREDIT_PLACES),
    )
    active = level.integral() * CHIP
    within = level.integral(cap=baseline) * CHIP
    return {
        "active_chip_seconds": from_units(active, CREDIT_PLACES),
        "baseline_chip_seconds": from_units(within, CREDIT_PLACES),
        "credited_chip_seconds": from_units(spent, CREDIT_PLACES),
        "burst_chip_seconds": from_units(active - within - spent, CREDIT_PLACES),
        "bursts": stretches_above(level, baseline),
        "closing_credits": from_units(left, CREDIT_PLACES),
    }


def _units(name: str, value: Decimal, places: int) -> int:
    try:
        units = to_units(value, places)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    if units < 0:
        raise ValueError(f"{name}: {value} is negative")
    return units
