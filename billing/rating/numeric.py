"""Reading of numbers: decimal strings and whole numbers, never a float."""

import re
from decimal import Decimal

from billing.rating.errors import ChargeError
from billing.rating.money import ZERO, plain

# Wider than any sum of events and any product of prices; what exceeds it is a mistake or an attack.
_WHOLE_DIGITS, _DECIMALS = 38, 100
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)


def not_negative(value: object, path: str) -> Decimal:
    """Read a decimal string or a whole number, which must not be negative."""
    return checked(_decimal(value, path), path)


def checked(number: Decimal, path: str) -> Decimal:
    """Refuse what is no finite number of bearable length, or is below zero."""
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int):
        raise ChargeError(path, f"must be a finite number, not {number}")
    if number.adjusted() >= _WHOLE_DIGITS or exponent < -_DECIMALS:
        problem = f"must have at most {_WHOLE_DIGITS} digits before the point, {_DECIMALS} after it"
        raise ChargeError(path, problem)
    if number < ZERO:
        raise ChargeError(path, f"must not be negative, but is {plain(number)}")
    return number


def _decimal(value: object, path: str) -> Decimal:
    if isinstance(value, str):
        if not _NUMBER.fullmatch(value):
            raise ChargeError(path, f"is not a decimal number: {value[:40]!r}")
        return Decimal(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    raise ChargeError(path, f'must be a decimal string such as "0.5", not {kind(value)}')


def kind(value: object) -> str:
    """Name the type of a value as the writer of JSON knows it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, float | Decimal):
        return "a number that is not whole or too long"
    kinds = {int: "a number", str: "a string", list: "a list", tuple: "a list", dict: "an object"}
    return kinds.get(type(value), type(value).__name__)
