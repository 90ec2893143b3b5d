import pytest

from tests.billing.rating.examples import amount, lines


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [
        ("0", "0"),
        ("3", "0.3"),  # 3 × 0.1
        (3, "0.3"),  # a whole JSON number is as good as a string
        ("0.5", "0.05"),  # 0.5 × 0.1
        ("9007199254740993", "900719925474099.3"),  # beyond what a float can hold
        ("1e3", "100"),  # 1000 × 0.1
    ],
)
def test_every_unit_costs_the_same(quantity: object, expected: str) -> None:
    assert amount({"model": "per_unit", "unit_amount": "0.1"}, quantity) == expected


def test_no_usage_gives_no_line() -> None:
    assert lines({"model": "per_unit", "unit_amount": "0.1"}, "0") == []


def test_a_free_unit_still_gives_a_line() -> None:
    assert lines({"model": "per_unit", "unit_amount": "0"}, "7") == [("units", "7", "0")]


def test_no_digit_of_long_numbers_is_lost() -> None:
    # 33333333333333333333333333333333333333 × 0.00000000000000000000000000000000000003
    nines = "9" * 38
    charge = {"model": "per_unit", "unit_amount": "0." + "0" * 37 + "3"}
    assert amount(charge, "3" * 38) == f"0.{nines}"
