"""What of a period's amount depends on the baseline, at one and over a range of them."""

from dataclasses import dataclass
from decimal import Decimal, localcontext

from billing.rating.burst import BurstPrices
from billing.rating.line import total
from billing.rating.money import EXACT
from billing.rating.tiers import graduated_lines
from metering.usage.burst_curve import BurstCurve


@dataclass(frozen=True, slots=True)
class VariableCost:
    """What of a period's amount depends on the baseline: its price, and that of the bursts."""

    curve: BurstCurve
    prices: BurstPrices
    seconds: Decimal

    def at(self, baseline: Decimal) -> Decimal:
        """The amount at a baseline."""
        return self.between(baseline, baseline)

    def between(self, low: Decimal, high: Decimal) -> Decimal:
        """What no baseline from `low` to `high` can cost less than: their baseline and bursts.

        More baseline never costs less, and never leaves more burst, which never costs less by
        being more.
        """
        burst = self.curve(high)
        with localcontext(EXACT):
            baseline = low * self.seconds * self.prices.baseline_price
            return baseline + total(graduated_lines(self.prices.burst_tiers, burst))
