"""Chip intervals, and the level of chips over time that they add up to.

Moments are whole microseconds since the epoch, counts and levels whole units of 10^-18 chip, the
finest an event can carry: everything is exact in integers, and a million intervals take seconds.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

from metering.usage.level import Level

CHIP_PLACES = 18
CHIP: int = 10**CHIP_PLACES
ACTIVE, IDLE, COLD_START = "active", "idle", "cold_start"
PHASES = frozenset({ACTIVE, IDLE, COLD_START})


class ChipInterval(NamedTuple):
    """`units` × 10^-18 chips held from `started_at` to `ended_at`, in microseconds.

    `events` is how many events of the same bounds and phase were added up into `units`; each
    that is a cold start costs its own fee.
    """

    started_at: int
    ended_at: int
    units: int
    phase: str = ACTIVE
    events: int = 1


@dataclass(frozen=True, slots=True)
class Rounding:
    """How long an interval counts at least, and in steps of what; microseconds, 0 for no rule."""

    granularity: int = 0
    minimum: int = 0

    def stretched(self, duration: int) -> int:
        """max(minimum, the duration rounded up to whole steps)."""
        if self.granularity:
            duration += -duration % self.granularity
        return max(duration, self.minimum)


@dataclass(frozen=True, slots=True)
class Work:
    """What intervals come to within bounds: their level, idle units × µs, and cold starts."""

    level: Level
    idle: int
    cold_starts: int


def add_up(intervals: Iterable[ChipInterval], rounding: Rounding, start: int, end: int) -> Work:
    """Stretch intervals, cut them at the bounds and add them up; in any order, read only once.

    Raises ValueError for one that ends before it starts, counts below zero or has no known phase.
    """
    changes: defaultdict[int, int] = defaultdict(int, {start: 0})
    idle = cold_starts = 0
    stretched = rounding.stretched
    for interval in intervals:
        started_at, ended_at, units, phase, events = interval
        if ended_at < started_at or units < 0 or phase not in PHASES:
            raise ValueError(f"{interval} is not an interval of chips")
        # Not min() and max(): two calls for each of a million.
        begin = started_at if started_at > start else start
        stop = started_at + stretched(ended_at - started_at)
        stop = min(stop, end)
        if phase == COLD_START and start <= started_at < end:
            cold_starts += events
        if begin >= stop:
            continue
        if phase == IDLE:
            idle += units * (stop - begin)
        else:
            changes[begin] += units
            changes[stop] -= units
    return Work(_level(changes, start, end), idle, cold_starts)


def _level(changes: dict[int, int], start: int, end: int) -> Level:
    moments = (at for at, change in changes.items() if at == start or (change and at < end))
    times = sorted(moments)
    levels = list(accumulate(map(changes.__getitem__, times)))
    return Level.until(end, times, levels)
