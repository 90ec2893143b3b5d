"""Exact decimal arithmetic, and the one place where an amount is rounded or split."""

import re
from collections.abc import Sequence
from decimal import (
    ROUND_HALF_EVEN,
    ROUND_HALF_UP,
    Context,
    Decimal,
    DivisionByZero,
    Inexact,
    InvalidOperation,
    Overflow,
)
from fractions import Fraction

ZERO = Decimal(0)
ONE = Decimal(1)

# An input has at most 38 digits before the point and 100 after it and no product here has more
# than five factors, so a thousand digits hold every result. Inexact is trapped: a result that
# they did not hold would be an error and never a silently rounded amount.
_DIGITS = 1000
_ALWAYS_WRONG = [InvalidOperation, DivisionByZero, Overflow]
EXACT = Context(prec=_DIGITS, rounding=ROUND_HALF_EVEN, traps=[*_ALWAYS_WRONG, Inexact])
ROUNDED = Context(prec=_DIGITS, rounding=ROUND_HALF_UP, traps=_ALWAYS_WRONG)

# ISO 4217, list one: the currencies whose minor unit is not a hundredth.
_MINOR_UNITS = {
    code: places
    for places, codes in (
        (0, "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"),
        (3, "BHD IQD JOD KWD LYD OMR TND"),
        (4, "CLF UYW"),
    )
    for code in codes.split()
}
_CURRENCY = re.compile("[A-Z]{3}")


def minor_units(currency: str) -> int:
    """How many decimals the currency's smallest coin has, after ISO 4217."""
    if not _CURRENCY.fullmatch(currency):
        raise ValueError(f"{currency!r} is not a currency code of three capital letters (ISO 4217)")
    return _MINOR_UNITS.get(currency, 2)


def round_money(amount: Decimal, currency: str) -> Decimal:
    """Round to the currency's minor unit, half away from zero."""
    rounded = amount.quantize(ONE.scaleb(-minor_units(currency), ROUNDED), context=ROUNDED)
    return rounded if rounded else rounded.copy_abs()


def allocate(total: Decimal, weights: Sequence[Decimal], currency: str) -> list[Decimal]:
    """Split a rounded total by weight so that the parts add up to it to the last minor unit.

    Largest remainder: every part gets its share rounded towards zero, and the units left over go
    to the largest remainders, the earlier part first among equals. Weights that are all zero
    split evenly.
    """
    places = minor_units(currency)
    if not fits(total, currency):
        raise ValueError(f"{plain(total)} is not a whole number of minor units of {currency}")
    return allocate_places(total, weights, places)


def fits(amount: Decimal, currency: str) -> bool:
    """Whether an amount is a whole number of the currency's minor units."""
    return amount == round_money(amount, currency)


def allocate_places(total: Decimal, weights: Sequence[Decimal], places: int) -> list[Decimal]:
    """Split a total that has so many decimals into parts that have no more."""
    units = Fraction(total) * 10**places
    if units.denominator != 1:
        raise ValueError(f"{plain(total)} has more than {places} decimals")
    sign = -1 if units < 0 else 1
    parts = _largest_remainder(abs(int(units)), [Fraction(weight) for weight in weights])
    return [Decimal(sign * part).scaleb(-places, EXACT) for part in parts]


def _largest_remainder(units: int, weights: list[Fraction]) -> list[int]:
    if any(weight < 0 for weight in weights):
        raise ValueError("a weight must not be negative")
    if not weights and units:
        raise ValueError("a total cannot be split among no weights")
    if not any(weights):
        weights = [Fraction(1)] * len(weights)
    whole = sum(weights)
    shares = [units * weight / whole for weight in weights]
    parts = [int(share) for share in shares]
    by_remainder = sorted(range(len(parts)), key=lambda n: (parts[n] - shares[n], n))
    for n in by_remainder[: units - sum(parts)]:
        parts[n] += 1
    return parts


def plain(number: Decimal) -> str:
    """Write a number without exponent, trailing zeros or a minus before zero."""
    text = f"{number:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
