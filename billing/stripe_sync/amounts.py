"""Amounts as Stripe writes them: whole numbers of a currency's smallest unit, as Stripe has it."""

import re
from decimal import Decimal

from billing.rating.money import EXACT, minor_units, round_money

# Stripe's own list, which is not ISO 4217's.
_ZERO_DECIMALS = re.compile("BIF|CLP|DJF|GNF|JPY|KMF|KRW|MGA|PYG|RWF|VND|VUV|XAF|XOF|XPF")
_THREE_DECIMALS = re.compile("BHD|JOD|KWD|OMR|TND")
# Written with two decimals, of which both have to be zero.
_WHOLE_OF_TWO = re.compile("ISK|UGX")
_UNKNOWN = re.compile("CLF|IQD|LYD|UYW")


class NotRepresentableError(Exception):
    """Why Stripe cannot be told an amount, in one sentence."""


def to_stripe(amount: Decimal, currency: str) -> int:
    """The whole number that Stripe takes for it; never a rounded one."""
    units = amount.scaleb(_places(currency), EXACT)
    if units != units.to_integral_value():
        raise NotRepresentableError(f"{amount:f} {currency} has more decimals than Stripe takes")
    number = int(units)
    if number % _step(currency):
        raise NotRepresentableError(
            f"{amount:f} {currency} cannot be charged by Stripe, whose smallest amount is"
            f" {from_stripe(_step(currency), currency):f} {currency}"
        )
    return number


def from_stripe(number: int, currency: str) -> Decimal:
    """What Stripe means, with the decimals that the currency has here."""
    amount = Decimal(number).scaleb(-_places(currency), EXACT)
    rounded = round_money(amount, currency)
    return rounded if rounded == amount else amount


def _places(currency: str) -> int:
    if _UNKNOWN.fullmatch(currency):
        raise NotRepresentableError(f"Stripe does not know {currency}")
    if _ZERO_DECIMALS.fullmatch(currency):
        return 0
    if _THREE_DECIMALS.fullmatch(currency):
        return 3
    return 2 if _WHOLE_OF_TWO.fullmatch(currency) else max(minor_units(currency), 2)


def _step(currency: str) -> int:
    """Amounts are multiples of this: Stripe's three decimals end in a zero."""
    if _WHOLE_OF_TWO.fullmatch(currency):
        return 100
    return 10 if _THREE_DECIMALS.fullmatch(currency) else 1
