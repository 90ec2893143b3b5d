import pytest

from tests.billing.rating.examples import amount, lines

THREES = {"model": "package", "package_size": "3", "package_amount": "0.7"}


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [
        ("0", "0"),
        ("0.001", "0.7"),  # a started package is whole
        ("3", "0.7"),
        ("3.0001", "1.4"),  # the second is started
        ("9", "2.1"),  # 3 × 0.7
    ],
)
def test_a_started_package_is_whole(quantity: str, expected: str) -> None:
    assert amount(THREES, quantity) == expected


def test_the_line_counts_packages() -> None:
    assert lines(THREES, "7") == [("package", "3", "2.1")]


def test_a_package_may_hold_less_than_one_unit() -> None:
    # 1 / 0.4 = 2.5: three packages
    assert amount({"model": "package", "package_size": "0.4", "package_amount": "1"}, "1") == "3"


def test_a_package_already_started_is_not_paid_twice() -> None:
    # 2 of 3 were paid for as a package; 1 more fills it, a further one starts the next
    assert lines(THREES, "1", already_rated="2") == []
    assert lines(THREES, "2", already_rated="2") == [("package", "1", "0.7")]
