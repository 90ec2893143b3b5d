"""How much of a period's work would be burst, by how many chips the baseline were."""

from bisect import bisect_right
from decimal import Decimal
from itertools import accumulate
from operator import mul

from metering.usage.burst_figures import spend_credits
from metering.usage.burst_level import CHIP, CHIP_PLACES
from metering.usage.burst_terms import CREDIT_PLACES, BurstTerms, not_negative_units
from metering.usage.exact import from_units, to_units
from metering.usage.level import Level


class BurstCurve:
    """Burst chip-seconds as a function of the baseline, under otherwise the same terms.

    It never rises: a higher baseline leaves less above it and earns more credits. Each answer is
    kept. What lies above a baseline is read off the durations of the levels, in their order, in
    O(log n); credits need a walk through the level, which is left out where none can be.
    """

    def __init__(self, level: Level, terms: BurstTerms, opening_credits: Decimal) -> None:
        self._level = level
        self._accrual = to_units(terms.credit_accrual, CHIP_PLACES)
        self._cap = to_units(terms.credit_cap, CREDIT_PLACES)
        self._opening = not_negative_units("opening_credits", opening_credits, CREDIT_PLACES)
        steps = sorted(zip(level.levels, level.durations, strict=True), reverse=True)
        self._levels = [units for units, _ in reversed(steps)]
        durations = [duration for _, duration in steps]
        # Of the n highest steps: how long they last, and the units × µs under them.
        self._time: list[int] = [0, *accumulate(durations)]
        self._area: list[int] = [0, *accumulate(map(mul, reversed(self._levels), durations))]
        self._known: dict[int, Decimal] = {}

    def __call__(self, baseline: Decimal) -> Decimal:
        """Burst chip-seconds at a baseline of so many chips."""
        units = not_negative_units("baseline", baseline, CHIP_PLACES)
        if units not in self._known:
            self._known[units] = from_units(self._above(units) - self._spent(units), CREDIT_PLACES)
        return self._known[units]

    @property
    def evaluated(self) -> int:
        """How many baselines were asked for."""
        return len(self._known)

    def _above(self, baseline: int) -> int:
        highest = len(self._levels) - bisect_right(self._levels, baseline)
        return (self._area[highest] - baseline * self._time[highest]) * CHIP

    def _spent(self, baseline: int) -> int:
        earns = baseline and self._accrual
        if not self._cap or not (earns or self._opening):
            return 0
        spent, _ = spend_credits(self._level, baseline, self._accrual, self._cap, self._opening)
        return spent
