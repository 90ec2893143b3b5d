"""What a burst contract says of quantities, and what a level of chips is charged to by it."""

from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any

from metering.usage.burst_figures import credit_line, spend_credits, stretches_above
from metering.usage.burst_level import CHIP, CHIP_PLACES, Rounding
from metering.usage.exact import from_units, to_units
from metering.usage.level import Level

# Chips × microseconds, and an accrual rate with places of its own.
CREDIT_PLACES = CHIP_PLACES + 6 + CHIP_PLACES


@dataclass(frozen=True, slots=True, kw_only=True)
class BurstTerms:
    """Chips, credits for a chip-second unused, credits in chip-seconds, and milliseconds.

    Raises ValueError, naming the field, for what is negative or too fine to be counted exactly.
    """

    baseline: Decimal = Decimal(0)
    credit_accrual: Decimal = Decimal(0)
    credit_cap: Decimal = Decimal(0)
    granularity_ms: int = 0
    minimum_ms: int = 0

    def __post_init__(self) -> None:
        for name in ("baseline", "credit_accrual", "credit_cap"):
            not_negative_units(name, getattr(self, name), CHIP_PLACES)
        for name in ("granularity_ms", "minimum_ms"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name}: {getattr(self, name)} is negative")

    @property
    def baseline_units(self) -> int:
        return to_units(self.baseline, CHIP_PLACES)

    @property
    def rounding(self) -> Rounding:
        return Rounding(self.granularity_ms * 1000, self.minimum_ms * 1000)

    @property
    def longest_stretch_ms(self) -> int:
        """How far past its end an interval may count: so long before a period, one may reach in."""
        return max(self.granularity_ms, self.minimum_ms)

    @property
    def saves(self) -> bool:
        """Whether any credit can ever be there."""
        return bool(self.baseline and self.credit_accrual and self.credit_cap)


@dataclass(frozen=True, slots=True, kw_only=True)
class Charged:
    """What the chip-seconds of a level are charged to; together they are its integral.

    Quantities may have more digits than the default decimal context keeps: add and multiply them
    in a wider one.
    """

    active_chip_seconds: Decimal
    baseline_chip_seconds: Decimal
    credited_chip_seconds: Decimal
    burst_chip_seconds: Decimal
    bursts: int
    closing_credits: Decimal

    def as_dict(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}


def charge_level(level: Level, terms: BurstTerms, opening_credits: Decimal) -> Charged:
    """Split a level at the baseline; above it, credits are spent before anything is burst."""
    spent, left = spend_credits(level, *_credit_units(terms, opening_credits))
    baseline = terms.baseline_units
    active, within = level.integral() * CHIP, level.integral(cap=baseline) * CHIP
    return Charged(
        active_chip_seconds=from_units(active, CREDIT_PLACES),
        baseline_chip_seconds=from_units(within, CREDIT_PLACES),
        credited_chip_seconds=from_units(spent, CREDIT_PLACES),
        burst_chip_seconds=from_units(active - within - spent, CREDIT_PLACES),
        bursts=stretches_above(level, baseline),
        closing_credits=from_units(left, CREDIT_PLACES),
    )


def credits_over_time(
    level: Level, terms: BurstTerms, opening_credits: Decimal
) -> list[tuple[int, int]]:
    """Moments in µs and the credits then, in 10^-42 chip-seconds; even in between."""
    return credit_line(level, *_credit_units(terms, opening_credits))


def _credit_units(terms: BurstTerms, opening_credits: Decimal) -> tuple[int, int, int, int]:
    return (
        terms.baseline_units,
        to_units(terms.credit_accrual, CHIP_PLACES),
        to_units(terms.credit_cap, CREDIT_PLACES),
        not_negative_units("opening_credits", opening_credits, CREDIT_PLACES),
    )


def not_negative_units(name: str, value: Decimal, places: int) -> int:
    """`value` in units of 10^-places; ValueError, naming the field, for what is none."""
    try:
        units = to_units(value, places)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    if units < 0:
        raise ValueError(f"{name}: {value} is negative")
    return units
