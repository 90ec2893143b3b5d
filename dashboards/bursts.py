"""The biggest burst of a range: on which chip, when, for how long, and what it comes to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from billing.queries import BurstRow
from dashboards.charts.steps import Steps, highest, stretch_above, window
from dashboards.ranges import DateRange
from metering.usage.burst_level import CHIP_PLACES
from metering.usage.exact import from_units, to_units
from metering.usage.period import EPOCH, Period, day_period

_WHOLE_RANGE_DAYS = 3


@dataclass(frozen=True, slots=True)
class BiggestBurst:
    """The highest level over its baseline; `shown` is its day, or all of a short range."""

    row: BurstRow
    shown: Period
    at_us: int
    chips: Decimal
    seconds: int

    @property
    def above_baseline(self) -> bool:
        return self.chips > self.row.baseline

    @property
    def steps(self) -> Steps:
        level = self.row.usage.level
        return window(level.times, level.levels, self.shown.start_us, self.shown.end_us)


def biggest_burst(rows: Sequence[BurstRow], dates: DateRange) -> BiggestBurst | None:
    """Of all chips the one that went furthest over its baseline; None if no chip was used."""
    used = [row for row in rows if row.usage.peak]
    if not used:
        return None
    row = max(used, key=lambda row: row.usage.peak - row.baseline)
    level = row.usage.level
    at, top = highest(level.times, level.levels)
    limit = min(to_units(row.baseline, CHIP_PLACES), top - 1)
    begun, ended = stretch_above(level.times, level.levels, at, limit, dates.period.end_us)
    return BiggestBurst(
        row=row,
        shown=_shown(dates, at),
        at_us=at,
        chips=from_units(top, CHIP_PLACES),
        seconds=(ended - begun) // 1_000_000,
    )


def _shown(dates: DateRange, at: int) -> Period:
    if dates.days <= _WHOLE_RANGE_DAYS:
        return dates.period
    moment = EPOCH + timedelta(microseconds=at)
    return day_period(moment.astimezone(ZoneInfo(dates.zone)).date(), dates.zone)
