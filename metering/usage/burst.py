"""Short bursts of one tenant on one type of chip: what a period's chip intervals come to.

Definitions: README, "The three numbers". Chip-seconds and levels are exact; mean, 95th percentile
and dormancy are quotients, exact to 50 digits and there rounded half to even.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise, starmap

from metering.usage.burst_level import ChipInterval, Work, add_up
from metering.usage.burst_terms import BurstTerms, Charged, charge_level
from metering.usage.burst_usage import AREA_PLACES, BurstUsage, usage_of
from metering.usage.exact import exact_sum, to_units
from metering.usage.level import Level
from metering.usage.period import Period


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
    return usage_of(work, charge_level(work.level, terms, opening_credits), terms, period, zone)


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
        to_units(exact_sum(part.idle_chip_seconds for part in parts), AREA_PLACES),
        sum(part.cold_starts for part in parts),
    )
    return usage_of(work, charged, last.terms, period, zone)


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
