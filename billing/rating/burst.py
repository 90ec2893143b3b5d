"""The price of a period's bursts under one contract, and of the same work on reserved chips."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Context, Decimal, localcontext

from billing.rating.fields import Fields
from billing.rating.line import RatedLine, total
from billing.rating.money import EXACT, ONE
from billing.rating.tiers import Tier, graduated_lines, parse_tiers

# A saving is a share to be looked at and never multiplied with money again.
_SHARE = Context(prec=28)


@dataclass(frozen=True, slots=True)
class BurstPrices:
    """The prices of a contract, each for one chip-second; the fee for one cold start."""

    baseline_price: Decimal
    on_demand_price: Decimal
    burst_tiers: tuple[Tier, ...]
    idle_factor: Decimal
    cold_start_fee: Decimal


@dataclass(frozen=True, slots=True)
class BurstUsage:
    """What was measured of one tenant and chip type over a period.

    `hourly_peak_chip_seconds` sums, over clock hours, the ceiling of the hour's peak level times
    the seconds of that hour that lie in the period.
    """

    baseline_chips: Decimal
    period_seconds: Decimal
    burst_chip_seconds: Decimal
    idle_chip_seconds: Decimal
    cold_starts: int
    peak: Decimal
    hourly_peak_chip_seconds: Decimal


@dataclass(frozen=True, slots=True)
class RatedBurst:
    """The amount with its lines, and what reserving the same work would have cost."""

    amount: Decimal
    lines: tuple[RatedLine, ...]
    reserved_peak_amount: Decimal
    reserved_hourly_amount: Decimal

    @property
    def saving(self) -> Decimal | None:
        """The share saved against reserving the peak for the whole period."""
        return saving(self.amount, self.reserved_peak_amount)

    @property
    def hourly_saving(self) -> Decimal | None:
        """The share saved against reserving each hour's peak for that hour."""
        return saving(self.amount, self.reserved_hourly_amount)


def parse_burst_prices(data: Mapping[str, object], path: str = "contract") -> BurstPrices:
    """Read the prices of a contract; what is wrong raises ChargeError with the field's path."""
    fields = Fields.of(data, path, BurstPrices.__dataclass_fields__)
    with localcontext(EXACT):
        return BurstPrices(
            fields.amount("baseline_price"),
            fields.amount("on_demand_price"),
            parse_tiers(fields, "burst_tiers"),
            fields.amount("idle_factor"),
            fields.amount("cold_start_fee"),
        )


def rate_burst(prices: BurstPrices, usage: BurstUsage) -> RatedBurst:
    """Price a period: the baseline used or not, bursts by tier, idle chips and cold starts."""
    with localcontext(EXACT):
        lines = _lines(prices, usage)
        return RatedBurst(
            amount=total(lines),
            lines=tuple(lines),
            reserved_peak_amount=usage.peak * usage.period_seconds * prices.on_demand_price,
            reserved_hourly_amount=usage.hourly_peak_chip_seconds * prices.on_demand_price,
        )


def _lines(prices: BurstPrices, usage: BurstUsage) -> list[RatedLine]:
    reserved = usage.baseline_chips * usage.period_seconds
    idle_price = prices.idle_factor * prices.on_demand_price
    starts = Decimal(usage.cold_starts)
    lines = [
        RatedLine.priced("baseline", "Baseline chip-seconds", reserved, prices.baseline_price),
        *graduated_lines(prices.burst_tiers, usage.burst_chip_seconds, prefix="burst-"),
        RatedLine.priced("idle", "Idle chip-seconds", usage.idle_chip_seconds, idle_price),
        RatedLine.priced("cold-starts", "Cold starts", starts, prices.cold_start_fee),
    ]
    return [line for line in lines if line.quantity]


def saving(amount: Decimal | None, reserved: Decimal | None) -> Decimal | None:
    """The share of a reserved amount that is saved; None where either is unknown or nothing."""
    if amount is None or not reserved:
        return None
    return _SHARE.subtract(ONE, _SHARE.divide(amount, reserved))
