"""The figures of a period's work: what is read off its level, beside what that is charged to."""

from dataclasses import dataclass, field
from decimal import Decimal

from metering.usage.burst_figures import hourly_chip_time, percentile_95, time_at_zero
from metering.usage.burst_level import CHIP, CHIP_PLACES, Work
from metering.usage.burst_terms import BurstTerms, Charged
from metering.usage.exact import from_units, quotient
from metering.usage.level import Level
from metering.usage.period import Period, clock_hours

_MICRO_PLACES = 6
AREA_PLACES = CHIP_PLACES + _MICRO_PLACES


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


def usage_of(
    work: Work, charged: Charged, terms: BurstTerms, period: Period, zone: str
) -> BurstUsage:
    """The figures of work over a period; clock hours are those of `zone`."""
    level, duration = work.level, period.end_us - period.start_us
    peak, sample = max(level.levels), percentile_95(level)
    hourly = hourly_chip_time(level, clock_hours(period, zone))
    return BurstUsage(
        peak=from_units(peak, CHIP_PLACES),
        mean=quotient(level.integral(), duration * CHIP),
        p95=quotient(sample[0], sample[1] * CHIP),
        idle_chip_seconds=from_units(work.idle, AREA_PLACES),
        cold_starts=work.cold_starts,
        dormancy=quotient(time_at_zero(level), duration),
        reserved_peak_chip_seconds=from_units(peak * duration, AREA_PLACES),
        reserved_hourly_chip_seconds=from_units(hourly, _MICRO_PLACES),
        terms=terms,
        level=level,
        **charged.as_dict(),
    )
