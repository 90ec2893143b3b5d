"""The baseline that a period would have cost least with, under otherwise the same contract."""

import heapq
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from billing.rating.burst_cost import VariableCost
from billing.rating.errors import ChargeError
from billing.rating.money import EXACT, ONE, ZERO, plain
from metering.usage.burst_level import CHIP_PLACES

# Of a step that is not asked for: the power of ten that makes at most so many of the peak.
DEFAULT_STEPS = 1_000
MOST_STEPS = 10_000
_FINEST = Decimal(1).scaleb(-CHIP_PLACES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Least:
    """The least-cost baseline among the multiples of a step.

    `variable` is its baseline and bursts in money. `at_least`, never above it, is what no baseline
    can cost less than, be it between two steps; `steps` is how many make the peak, `evaluated` how
    many baselines were tried.
    """

    baseline: Decimal
    variable: Decimal
    at_least: Decimal
    step: Decimal
    steps: int
    evaluated: int

    def spread(self, points: int) -> list[Decimal]:
        """Baselines from 0 to the peak, closer the lower, and the least-cost one among them."""
        # A peak is short and high, and the choice is among what is far below it.
        multiples = {self.steps * n * n // points**2 for n in range(points + 1)}
        return sorted({*(EXACT.multiply(self.step, Decimal(n)) for n in multiples), self.baseline})


def least_cost(cost: VariableCost, peak: Decimal, step: Decimal | None = None) -> Least:
    """The least-cost baseline; exact among the multiples of `step`, the lowest of equals.

    Above the peak there is no burst left to save, so none higher can cost less. Best first: the
    range of baselines that may hold the least is halved until it can hold no less. ChargeError,
    naming the step, for one that is not above 0 or of which the peak has more than `MOST_STEPS`.
    """
    step = default_step(peak) if step is None else step
    steps = _steps(peak, step)

    def within(low: int, high: int) -> _Range:
        return _Range(
            cost.between(EXACT.multiply(step, Decimal(low)), EXACT.multiply(step, Decimal(high))),
            low,
            high,
        )

    best = min(within(n, n) for n in {0, steps})
    floor, ranges = best.bound, [within(0, steps)] if steps else []
    while ranges and ranges[0] < best:
        bound, low, high = heapq.heappop(ranges)
        if high - low == 1:
            floor = min(floor, bound)
            continue
        middle = (low + high) // 2
        best = min(best, within(middle, middle))
        heapq.heappush(ranges, within(low, middle))
        heapq.heappush(ranges, within(middle, high))
    return Least(
        baseline=EXACT.multiply(step, Decimal(best.low)),
        variable=best.bound,
        at_least=min(floor, best.bound),
        step=step,
        steps=steps,
        evaluated=cost.curve.evaluated,
    )


class _Range(NamedTuple):
    """Baselines from `low` to `high` steps, and what none of them can cost less than."""

    bound: Decimal
    low: int
    high: int


def _steps(peak: Decimal, step: Decimal) -> int:
    """How many steps reach the peak."""
    if step <= ZERO:
        raise ChargeError("step", "must be above 0")
    if EXACT.remainder(step, _FINEST):
        raise ChargeError("step", f"must be a multiple of {_FINEST:f}, the finest baseline")
    steps = int(EXACT.divide_int(peak, step)) + bool(EXACT.remainder(peak, step))
    if steps > MOST_STEPS:
        enough = plain(default_step(peak, MOST_STEPS))
        raise ChargeError("step", f"makes more than {MOST_STEPS:,} of the peak; {enough} does not")
    return steps


def default_step(peak: Decimal, steps: int = DEFAULT_STEPS) -> Decimal:
    """The lowest power of ten that makes at most so many steps of the peak."""
    if not peak:
        return ONE
    step = ONE.scaleb(peak.adjusted() - Decimal(steps).adjusted())
    return step if EXACT.multiply(step, Decimal(steps)) >= peak else step.scaleb(1)
