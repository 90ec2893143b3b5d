"""Decimals as whole numbers of a small unit and back, so that long sums are fast and exact."""

from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Context, Decimal, Inexact, InvalidOperation
from functools import reduce

# Wider than any sum here: counts to 2^53, a million of them, microseconds of centuries, 42 places.
_EXACT = Context(prec=200, traps=[Inexact, InvalidOperation])
# The digits a quotient is rounded to when it does not terminate.
QUOTIENT_DIGITS = 50
_QUOTIENT = Context(prec=QUOTIENT_DIGITS, rounding=ROUND_HALF_EVEN)


def to_units(value: Decimal, places: int) -> int:
    """`value` in units of 10^-places; ValueError where that is no whole number."""
    try:
        return int(value.scaleb(places, _EXACT).to_integral_exact(context=_EXACT))
    except (Inexact, InvalidOperation, ValueError, OverflowError):
        raise ValueError(f"{value} is not a number of at most {places} decimal places") from None


def from_units(units: int, places: int) -> Decimal:
    """The decimal that `units` of 10^-places are, without trailing zeros."""
    return _plain(Decimal(units).scaleb(-places, _EXACT))


def exact_sum(values: Iterable[Decimal]) -> Decimal:
    """The sum with every digit; the default context would round it."""
    return reduce(_EXACT.add, values, Decimal(0))


def quotient(part: int, whole: int) -> Decimal:
    """`part / whole`, exact where 50 digits hold it and rounded half to even where they do not."""
    return _plain(_QUOTIENT.divide(Decimal(part), Decimal(whole)))


def divided(part: Decimal, whole: Decimal) -> Decimal:
    """`part / whole`, as `quotient` gives it."""
    return _plain(_QUOTIENT.divide(part, whole))


def _plain(value: Decimal) -> Decimal:
    """Without trailing zeros, and without an exponent: 3600, neither 3600.00 nor 3.6E+3."""
    value = value.normalize(_EXACT)
    return value.quantize(Decimal(1), context=_EXACT) if value == int(value) else value
