from decimal import Context, Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.rating.money import allocate, minor_units, plain, round_money

D = Decimal


@pytest.mark.parametrize(
    ("amount", "currency", "expected"),
    [
        ("0.005", "USD", "0.01"),  # half away from zero
        ("-0.005", "USD", "-0.01"),
        ("0.00499999999999999999999999999999999999999", "USD", "0.00"),
        ("2.675", "EUR", "2.68"),  # a float would be a hair below
        ("0.5", "JPY", "1"),
        ("-1234.5", "JPY", "-1235"),
        ("0.0005", "KWD", "0.001"),
        ("1.00005", "CLF", "1.0001"),
        ("-0.001", "USD", "0.00"),  # and not a negative zero
        (
            "12345678901234567890123456789012345678.995",
            "USD",
            "12345678901234567890123456789012345679.00",
        ),
    ],
)
def test_money_is_rounded_to_the_minor_unit_half_away_from_zero(
    amount: str, currency: str, expected: str
) -> None:
    with localcontext(Context(prec=3)):
        assert str(round_money(D(amount), currency)) == expected


@pytest.mark.parametrize("code", ["usd", "US", "USDT", "", "U$D", "ÄÖÜ"])
def test_a_currency_is_three_capital_letters(code: str) -> None:
    with pytest.raises(ValueError, match="ISO 4217"):
        minor_units(code)


@pytest.mark.parametrize(
    ("total", "weights", "expected"),
    [
        ("100", ["1", "1", "1"], ["33.34", "33.33", "33.33"]),  # equal remainders: the first
        ("0.05", ["1", "1", "2"], ["0.01", "0.01", "0.03"]),  # 1.25, 1.25, 2.5: the largest
        ("-0.05", ["1", "1", "2"], ["-0.01", "-0.01", "-0.03"]),
        ("10", ["0", "3"], ["0.00", "10.00"]),
        ("0.01", ["0", "0"], ["0.01", "0.00"]),  # no weight at all: evenly
        ("0", [], []),
    ],
)
def test_a_split_loses_no_cent(total: str, weights: list[str], expected: list[str]) -> None:
    assert [str(part) for part in allocate(D(total), [D(w) for w in weights], "USD")] == expected


@pytest.mark.parametrize(
    ("total", "weights", "problem"),
    [
        ("0.001", ["1"], "not a whole number of minor units"),
        ("1", ["1", "-1"], "negative"),
        ("1", [], "no weights"),
    ],
)
def test_a_split_that_cannot_be_made_is_refused(
    total: str, weights: list[str], problem: str
) -> None:
    with pytest.raises(ValueError, match=problem):
        allocate(D(total), [D(w) for w in weights], "USD")


@given(
    st.integers(-(10**15), 10**15),
    st.lists(st.decimals(0, 10**9, places=4), min_size=1, max_size=20),
    st.sampled_from(["USD", "JPY", "KWD", "CLF"]),
)
def test_parts_add_up_to_the_whole_and_are_within_a_minor_unit_of_their_share(
    units: int, weights: list[Decimal], currency: str
) -> None:
    total = D(units).scaleb(-minor_units(currency))
    parts = allocate(total, weights, currency)
    assert sum(parts) == total
    if any(weights):
        for part, weight in zip(parts, weights, strict=True):
            share = total * weight / sum(weights)
            assert abs(part - share) <= D(1).scaleb(-minor_units(currency))


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("3.0", "3"),
        ("1E+3", "1000"),
        ("1E-7", "0.0000001"),
        ("-0.00", "0"),
        ("-2.50", "-2.5"),
        ("100", "100"),
    ],
)
def test_numbers_are_written_plainly(number: str, expected: str) -> None:
    assert plain(D(number)) == expected
