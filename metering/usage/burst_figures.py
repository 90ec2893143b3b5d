"""Figures read off a level of chips: credits, the 95th percentile, stretches above a baseline.

All arguments and results are the whole units that `burst_level` counts in.
"""

from collections.abc import Iterable, Iterator
from itertools import compress, groupby, pairwise
from math import lcm
from operator import not_

from metering.usage.burst_level import CHIP
from metering.usage.level import Level
from metering.usage.period import Period

SAMPLE = 300 * 10**6  # five minutes, as bandwidth is sampled where it is billed by percentile
DROPPED_PERCENT = 5


def credit_balances(
    level: Level, baseline: int, accrual: int, cap: int, opening: int
) -> Iterator[int]:
    """Credits at the end of each step, in 10^-42 chip-seconds.

    `accrual` is in 10^-18 credits for a chip-second below the baseline. A step at one level
    either earns or spends, and does so evenly: full or empty, it is where the step's sum says.
    """
    credit = min(opening, cap)
    for units, duration in zip(level.levels, level.durations, strict=True):
        unused = (baseline - units) * duration
        if unused > 0:
            credit = min(cap, credit + accrual * unused)
        elif credit:
            credit = max(0, credit + unused * CHIP)
        yield credit


def spend_credits(
    level: Level, baseline: int, accrual: int, cap: int, opening: int
) -> tuple[int, int]:
    """What was spent and what is left of credits, all in 10^-42 chip-seconds."""
    credit, spent = min(opening, cap), 0
    for after in credit_balances(level, baseline, accrual, cap, opening):
        if after < credit:
            spent += credit - after
        credit = after
    return spent, credit


def credit_line(
    level: Level, baseline: int, accrual: int, cap: int, opening: int
) -> list[tuple[int, int]]:
    """Moments and the credits then, between which these rise or fall evenly.

    One is where a step fills or empties them, rounded to a microsecond.
    """
    credit = min(opening, cap)
    line = [(level.times[0], credit)]
    balances = credit_balances(level, baseline, accrual, cap, opening)
    for at, units, duration, after in zip(
        level.times, level.levels, level.durations, balances, strict=True
    ):
        speed = max(baseline - units, 0) * accrual or max(units - baseline, 0) * CHIP
        needed = abs(after - credit) // speed if speed else 0
        if needed < duration:
            line.append((at + needed, after))
        line.append((at + duration, after))
        credit = after
    return line


def percentile_95(level: Level) -> tuple[int, int]:
    """The highest five-minute mean once the top 5 % are dropped, as (units × µs, µs).

    Samples are aligned to the start and the last may be shorter; 5 % of them is rounded down, so
    that fewer than 20 samples drop none.
    """
    start, end = level.times[0], level.times[-1] + level.durations[-1]
    bounds = [*range(start, end, SAMPLE), end]
    common = lcm(SAMPLE, bounds[-1] - bounds[-2])
    lengths = (after - before for before, after in pairwise(bounds))
    # Brought to one denominator, means of unlike samples compare as whole numbers.
    means = [
        area * (common // length)
        for area, length in zip(level.integrals(bounds), lengths, strict=True)
    ]
    means.sort(reverse=True)
    return means[len(means) * DROPPED_PERCENT // 100], common


def stretches_above(level: Level, baseline: int) -> int:
    """How many unbroken stretches lie above the baseline, whatever they rise to."""
    return sum(above for above, _ in groupby(level.levels, key=baseline.__lt__))


def time_at_zero(level: Level) -> int:
    """Microseconds without a chip."""
    return sum(compress(level.durations, map(not_, level.levels)))


def hourly_chip_time(level: Level, hours: Iterable[Period]) -> int:
    """Whole chips × µs of reserving, hour by hour, as many chips as the hour's peak needs."""
    return sum(
        -(-level.peak(hour.start_us, hour.end_us) // CHIP) * (hour.end_us - hour.start_us)
        for hour in hours
    )
