"""Decimals as whole numbers of small units: exact both ways, whatever their length."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.usage.exact import from_units, quotient, to_units


@given(st.integers(0, 2**53 * 10**18))
def test_units_and_decimals_are_the_same_number(units: int) -> None:
    assert to_units(from_units(units, 18), 18) == units


@pytest.mark.parametrize(
    ("value", "places", "units"),
    [
        ("1", 18, 10**18),
        ("0.000000000000000001", 18, 1),
        # 34 digits, more than a default context of 28 keeps.
        ("9007199254740992.000000000000000001", 18, 9007199254740992 * 10**18 + 1),
        ("1.50", 1, 15),
        ("3.6E+3", 0, 3600),
    ],
)
def test_a_decimal_is_taken_exactly(value: str, places: int, units: int) -> None:
    assert to_units(Decimal(value), places) == units


@pytest.mark.parametrize("value", ["0.05", "NaN", "Infinity"])
def test_what_is_no_whole_number_of_units_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match=r"is not a number of at most 1 decimal places"):
        to_units(Decimal(value), 1)


def test_a_decimal_is_written_without_trailing_zeros_or_an_exponent() -> None:
    assert str(from_units(3_600_000, 3)) == "3600"
    assert str(from_units(1_500, 3)) == "1.5"
    assert str(from_units(0, 3)) == "0"


def test_a_quotient_is_exact_or_has_fifty_digits() -> None:
    assert str(quotient(1, 8)) == "0.125"
    assert str(quotient(2, 3)) == "0." + "6" * 49 + "7"
