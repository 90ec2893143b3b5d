"""Step functions cut to a window and thinned to what a screen can show, extremes kept exactly."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import groupby

# A value from each moment on, in microseconds since the epoch, until the next.
Steps = list[tuple[int, int]]


def window(times: Sequence[int], levels: Sequence[int], start: int, end: int) -> Steps:
    """The steps from `start` to before `end`; the first says the level that `start` finds."""
    first = max(bisect_right(times, start) - 1, 0)
    last = bisect_left(times, end)
    steps = list(zip(times[first:last], levels[first:last], strict=True))
    return [(max(at, start), level) for at, level in steps]


def thin(steps: Steps, start: int, end: int, most: int = 2000) -> Steps:
    """At most about `most` steps: of each stretch of time the first, lowest, highest and last."""
    if len(steps) <= most:
        return steps
    width = max(1, -(-(end - start) // (most // 4)))
    return [
        step
        for _, group in groupby(steps, key=lambda step: (step[0] - start) // width)
        for step in _extremes(list(group))
    ]


def highest(times: Sequence[int], levels: Sequence[int]) -> tuple[int, int]:
    """When the highest level began first, and what it is."""
    level = max(levels)
    return times[levels.index(level)], level


def stretch_above(
    times: Sequence[int], levels: Sequence[int], at: int, limit: int, end: int
) -> tuple[int, int]:
    """From when to when the level stays above a limit, around a moment at which it is."""
    first = last = bisect_right(times, at) - 1
    while first > 0 and levels[first - 1] > limit:
        first -= 1
    while last + 1 < len(levels) and levels[last + 1] > limit:
        last += 1
    return times[first], times[last + 1] if last + 1 < len(times) else end


def _extremes(group: Steps) -> Steps:
    low = min(group, key=lambda step: step[1])
    high = max(group, key=lambda step: step[1])
    return sorted({group[0], low, high, group[-1]})
