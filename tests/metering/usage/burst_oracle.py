"""A slow, obviously right measure of bursts: one tick after another, in fractions.

Every moment, duration and rounding must be a whole number of ticks, so nothing happens inside one.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from math import ceil
from zoneinfo import ZoneInfo

from metering.usage.burst_level import CHIP, ChipInterval
from metering.usage.burst_terms import BurstTerms
from metering.usage.exact import to_units
from metering.usage.period import Period

MICROS = 10**6


def held(
    start: str, end: str, count: str = "1", phase: str = "active", *, base: int = 0
) -> ChipInterval:
    """`count` chips from second to second after `base` microseconds."""
    return ChipInterval(
        base + to_units(Decimal(start), 6),
        base + to_units(Decimal(end), 6),
        to_units(Decimal(count), 18),
        phase,
    )


def decimals(*texts: object) -> tuple[Decimal, ...]:
    """Whole numbers and texts as decimals, to compare with."""
    return tuple(Decimal(str(text)) for text in texts)


def seconds_from_epoch(start: str, end: str) -> Period:
    """A period by its seconds after the epoch."""
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return Period(*(epoch + timedelta(microseconds=to_units(Decimal(s), 6)) for s in (start, end)))


@dataclass
class Expected:
    """The figures of `BurstUsage`, as fractions."""

    peak: Fraction
    mean: Fraction
    p95: Fraction
    active_chip_seconds: Fraction
    baseline_chip_seconds: Fraction
    credited_chip_seconds: Fraction
    burst_chip_seconds: Fraction
    idle_chip_seconds: Fraction
    cold_starts: int
    bursts: int
    dormancy: Fraction
    reserved_peak_chip_seconds: Fraction
    reserved_hourly_chip_seconds: Fraction
    closing_credits: Fraction


class Simulation:
    """Walks through a period tick by tick."""

    def __init__(self, intervals: list[ChipInterval], terms: BurstTerms, tick: int) -> None:
        self.intervals, self.terms, self.tick = intervals, terms, tick

    def run(self, period: Period, credit: Fraction, zone: str = "UTC") -> Expected:
        ticks = range(period.start_us, period.end_us, self.tick)
        levels = [self.level(at, {"active", "cold_start"}) for at in ticks]
        baseline, credited, burst, credit = self.charge(levels, min(credit, self.cap))
        area, length = sum(levels) * self.second, len(levels) * self.second
        return Expected(
            peak=max(levels),
            mean=area / length,
            p95=self.p95(levels),
            active_chip_seconds=area,
            baseline_chip_seconds=baseline,
            credited_chip_seconds=credited,
            burst_chip_seconds=burst,
            idle_chip_seconds=sum(self.level(at, {"idle"}) for at in ticks) * self.second,
            cold_starts=sum(
                row.events
                for row in self.intervals
                if row.phase == "cold_start" and row.started_at in ticks
            ),
            bursts=self.bursts(levels),
            dormancy=Fraction(levels.count(Fraction(0)), len(levels)),
            reserved_peak_chip_seconds=max(levels) * length,
            reserved_hourly_chip_seconds=self.hourly(ticks, levels, zone),
            closing_credits=credit,
        )

    @property
    def second(self) -> Fraction:
        """A tick in seconds."""
        return Fraction(self.tick, MICROS)

    @property
    def cap(self) -> Fraction:
        return Fraction(self.terms.credit_cap)

    def level(self, at: int, phases: set[str]) -> Fraction:
        return sum(
            (
                Fraction(row.units, CHIP)
                for row in self.intervals
                if row.phase in phases and row.started_at <= at < self.stretched_end(row)
            ),
            start=Fraction(0),
        )

    def stretched_end(self, row: ChipInterval) -> int:
        """Grow by one granule after another until all of the interval is covered."""
        length, granule = 0, self.terms.granularity_ms * 1000 or self.tick
        while row.started_at + length < row.ended_at:
            length += granule
        return row.started_at + max(length, self.terms.minimum_ms * 1000)

    def charge(
        self, levels: list[Fraction], credit: Fraction
    ) -> tuple[Fraction, Fraction, Fraction, Fraction]:
        baseline = credited = burst = Fraction(0)
        bought, rate = Fraction(self.terms.baseline), Fraction(self.terms.credit_accrual)
        for level in levels:
            baseline += min(level, bought) * self.second
            if level < bought:
                credit = min(self.cap, credit + rate * (bought - level) * self.second)
            excess = max(Fraction(0), level - bought) * self.second
            spent = min(excess, credit)
            credit, credited, burst = credit - spent, credited + spent, burst + excess - spent
        return baseline, credited, burst, credit

    def bursts(self, levels: list[Fraction]) -> int:
        count, before = 0, False
        for level in levels:
            above = level > Fraction(self.terms.baseline)
            count += above and not before
            before = above
        return count

    def p95(self, levels: list[Fraction]) -> Fraction:
        size = 300 * MICROS // self.tick
        samples = [levels[n : n + size] for n in range(0, len(levels), size)]
        means = sorted(sum(sample, start=Fraction(0)) / len(sample) for sample in samples)
        for _ in range(int(len(means) * Fraction(5, 100))):
            means.pop()
        return means[-1]

    def hourly(self, ticks: range, levels: list[Fraction], zone: str) -> Fraction:
        hours: dict[datetime, list[Fraction]] = defaultdict(list)
        for at, level in zip(ticks, levels, strict=True):
            clock = datetime.fromtimestamp(at // MICROS, UTC).astimezone(ZoneInfo(zone))
            # A clock hour that comes twice bears two offsets.
            hours[datetime.fromisoformat(clock.strftime("%Y-%m-%dT%H:00:00%z"))].append(level)
        return sum(
            (ceil(max(hour)) * len(hour) * self.second for hour in hours.values()),
            start=Fraction(0),
        )
