"""A step function of time in whole numbers: what it is, and the areas and peaks under it."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, groupby, pairwise, repeat
from operator import itemgetter, mul, sub


@dataclass(frozen=True, slots=True)
class Level:
    """A step function: `levels[n]` from `times[n]` on for `durations[n]`; neighbours differ."""

    times: list[int]
    levels: list[int]
    durations: list[int]

    @classmethod
    def until(cls, end: int, times: list[int], levels: list[int]) -> "Level":
        """Each level lasts until the next begins, the last until the end."""
        return cls(times, levels, list(map(sub, chain(times[1:], [end]), times)))

    @classmethod
    def joined(cls, parts: Sequence["Level"]) -> "Level":
        """Functions of which each begins where the one before it ends, as one."""
        steps = chain.from_iterable(zip(p.times, p.levels, strict=True) for p in parts)
        firsts = [next(same) for _, same in groupby(steps, key=itemgetter(1))]
        end = parts[-1].times[-1] + parts[-1].durations[-1]
        return cls.until(end, *map(list, zip(*firsts, strict=True)))

    def integral(self, cap: int | None = None) -> int:
        """Units × microseconds under the function, or under what of it is not above a cap."""
        levels = self.levels if cap is None else map(min, self.levels, repeat(cap))
        area: int = sum(map(mul, levels, self.durations))
        return area

    def integrals(self, bounds: list[int]) -> list[int]:
        """Units × microseconds from each bound to the next; bounds ascend within the function."""
        upto: list[int] = [0, *accumulate(map(mul, self.levels, self.durations))]

        def before(moment: int) -> int:
            step = bisect_right(self.times, moment) - 1
            return upto[step] + self.levels[step] * (moment - self.times[step])

        return [after - earlier for earlier, after in pairwise(map(before, bounds))]

    def peak(self, start: int, end: int) -> int:
        """The highest level from `start` to before `end`."""
        first = bisect_right(self.times, start) - 1
        return max(self.levels[first : bisect_left(self.times, end)])
