"""Short bursts of one tenant on one type of chip: what a period's chip intervals come to.

Definitions: README, "The three numbers". Chip-seconds and levels are exact; mean, 95th percentile
and dormancy are quotients, exact to 50 digits and there rounded half to even.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import pairwise, starmap

from metering.usage.burst_figures import hourly_chip_time, percentile_95, time_at_zero
from metering.usage.burst_level import CHIP, CHIP_PLACES, ChipInterval, Level, Work, add_up
from metering.usage.burst_terms import BurstTerms, Charged, charge_level
from metering.usage.exact import exact_sum, from_units, quotient, to_units
from metering.usage.period import Period, clock_hours

_MICRO_PLACES = 6
_AREA_PLACES = CHIP_PLACES + _MICRO_PLACES


@dataclass(frozen=True, slots=True, kw_only=True)
class BurstUsage(Charged):
    """A period of one tenant and chip type; levels are chips, quantities chip-seconds.

    `active_chip_seconds` = baseline + credited + burst. `reserved_peak_chip_seconds` is the peak
    over the whole period; `reserved_hourly_chip_seconds` the whole chips that each clock hour's
    peak needs, over that hour. `dormancy` is a share of the time, from 0 to 1.
    """

    peak: Decimal
    mean: Decimal
    p95: Decimal
    idle_chip_seconds: Decimal
    cold_starts: int
    dormancy: Decimal
    reserved_peak_chip_seconds: Decimal
    reserved_hourly_chip_seconds: Decimal
    terms: BurstTerms = field(repr=False)
    level: Level = field(repr=False)

    @property
    def worked(self) -> bool:
        """Whether there was anything that a contract might charge beyond its baseline."""
        return bool(self.active_chip_seconds or self.idle_chip_seconds or self.cold_starts)

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
    return _usage(work, charge_level(work.level, terms, opening_credits), terms, period, zone)


def credits_after(
    intervals: Iterable[ChipInterval], terms: BurstTerms, period: Period, opening: Decimal
) -> Decimal:
    """The closing credits of `measure`, and nothing else of it."""
    level = add_up(intervals, terms.rounding, period.start_us, period.end_us).level
    return charge_level(level, terms, opening).closing_credits


def under(
    usage: BurstUsage, terms: BurstTerms, opening_credits: Decimal = Decimal(0)
) -> BurstUsage:
    """The same work under other terms of the same granularity and minimum, which shape the level.

    ValueError where these differ.
    """
    if terms.rounding != usage.terms.rounding:
        raise ValueError("granularity_ms and minimum_ms: another level has to be measured")
    charged = charge_level(usage.level, terms, opening_credits)
    return replace(usage, **charged.as_dict(), terms=terms)


def joined(parts: Sequence[BurstUsage], period: Period, zone: str = "UTC") -> BurstUsage:
    """Parts of a period, one after the other and each under terms of its own, as one.

    Its terms and credits are the last one's. A stretch that is above the baseline on both sides of
    a change of terms is one burst.
    """
    last = parts[-1]
    charged = Charged(
        **{name: exact_sum(getattr(part, name) for part in parts) for name in _ADDED_UP},
        bursts=sum(part.bursts for part in parts) - sum(starmap(_goes_on, pairwise(parts))),
        closing_credits=last.closing_credits,
    )
    work = Work(
        Level.joined([part.level for part in parts]),
        to_units(exact_sum(part.idle_chip_seconds for part in parts), _AREA_PLACES),
        sum(part.cold_starts for part in parts),
    )
    return _usage(work, charged, last.terms, period, zone)


_ADDED_UP = (
    "active_chip_seconds",
    "baseline_chip_seconds",
    "credited_chip_seconds",
    "burst_chip_seconds",
)


def _goes_on(before: BurstUsage, after: BurstUsage) -> bool:
    return (
        before.level.levels[-1] > before.terms.baseline_units
        and after.level.levels[0] > after.terms.baseline_units
    )


def _usage(
    work: Work, charged: Charged, terms: BurstTerms, period: Period, zone: str
) -> BurstUsage:
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
        terms=terms,
        level=level,
        **charged.as_dict(),
    )
