"""Splits of fees and units, and coupons: laws, and a few cases by hand."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.rating.coupon import Coupon, reductions
from billing.rating.money import minor_units, round_money
from billing.rating.proration import DAY, SECOND, lengths, split_amount, split_units

CURRENCIES = st.sampled_from(["JPY", "USD", "KWD"])
OCTOBER = datetime(2026, 9, 30, 22, tzinfo=UTC)  # begins in Berlin
NOVEMBER = datetime(2026, 10, 31, 23, tzinfo=UTC)


@st.composite
def money(draw: st.DrawFn, currency: str) -> Decimal:
    return Decimal(draw(st.integers(0, 10**9))).scaleb(-minor_units(currency))


def test_a_date_of_25_hours_is_one_day_and_25_hours() -> None:
    shifted = datetime(2026, 10, 24, 22, tzinfo=UTC)
    cuts = [OCTOBER, shifted, shifted + timedelta(hours=25), NOVEMBER]
    assert lengths(cuts, DAY, "Europe/Berlin") == [24, 1, 6]
    assert lengths(cuts, SECOND, "Europe/Berlin") == [24 * 86400, 25 * 3600, 6 * 86400]


@pytest.mark.parametrize(
    ("currency", "amount", "parts"),
    [
        # A third each of October's 30 days and one: 10, 10 and 11 of 31.
        ("JPY", "100", ["32", "32", "36"]),
        ("USD", "100.00", ["32.26", "32.26", "35.48"]),
        ("KWD", "100.000", ["32.258", "32.258", "35.484"]),
    ],
)
def test_a_month_in_three_parts(currency: str, amount: str, parts: list[str]) -> None:
    cuts = [datetime(2026, 10, day, tzinfo=UTC) for day in (1, 11, 21)]
    cuts.append(datetime(2026, 11, 1, tzinfo=UTC))
    found = split_amount(Decimal(amount), cuts, by=DAY, zone="UTC", currency=currency)
    assert [f"{part:f}" for part in found] == parts


@given(st.data(), CURRENCIES, st.sampled_from([DAY, SECOND]))
def test_the_parts_of_a_month_sum_to_the_whole(data: st.DataObject, currency: str, by: str) -> None:
    hours = data.draw(st.sets(st.integers(1, 31 * 24 - 1), max_size=8))
    cuts = [OCTOBER, *(OCTOBER + timedelta(hours=h) for h in sorted(hours)), NOVEMBER]
    amount = data.draw(money(currency))
    parts = split_amount(amount, cuts, by=by, zone="Europe/Berlin", currency=currency)
    assert sum(parts) == amount
    assert all(part >= 0 and part == round_money(part, currency) for part in parts)
    assert sum(split_units(Decimal("10.5"), cuts, by=by, zone="Europe/Berlin")) == Decimal("10.5")


@given(st.data(), CURRENCIES)
def test_coupons_never_take_off_more_than_what_they_apply_to(
    data: st.DataObject, currency: str
) -> None:
    codes = ["a", "b", "c"]
    amounts = {
        code: data.draw(money(currency)) * data.draw(st.sampled_from([1, -1])) for code in codes
    }
    coupons = data.draw(
        st.lists(
            st.builds(
                Coupon,
                percent=st.decimals(0, 100, places=3),
                codes=st.lists(st.sampled_from(codes), unique=True).map(tuple),
            )
            | st.builds(
                Coupon,
                amount=money(currency),
                codes=st.lists(st.sampled_from(codes), unique=True).map(tuple),
            ),
            max_size=4,
        )
    )
    found = reductions(amounts, coupons, currency)
    for coupon, taken in zip(coupons, found, strict=True):
        base = sum(amount for code, amount in amounts.items() if coupon.applies_to(code))
        # What others took off before can leave a negative code's share to positive ones alone.
        positive = sum(
            max(amount, Decimal(0)) for code, amount in amounts.items() if coupon.applies_to(code)
        )
        assert 0 <= taken.amount <= positive
        if len(coupons) == 1:
            assert taken.amount <= max(base, 0)
    everything = sum(max(amount, Decimal(0)) for amount in amounts.values())
    assert sum(taken.amount for taken in found) <= everything


@pytest.mark.parametrize(
    ("coupons", "taken"),
    [
        ([Coupon(percent=Decimal(20))], ["26.00"]),
        ([Coupon(amount=Decimal(500))], ["130.00"]),
        ([Coupon(amount=Decimal(50), codes=("b",))], ["30.00"]),
        # 10 % of 100 + 30, then what that left: 117 is less than 500.
        ([Coupon(percent=Decimal(10)), Coupon(amount=Decimal(500))], ["13.00", "117.00"]),
        # All of b, then half of what is left, which is a.
        (
            [Coupon(amount=Decimal(50), codes=("b",)), Coupon(percent=Decimal(50))],
            ["30.00", "50.00"],
        ),
        ([Coupon(percent=Decimal(100), codes=("none",))], ["0.00"]),
    ],
)
def test_coupons_by_hand(coupons: list[Coupon], taken: list[str]) -> None:
    amounts = {"a": Decimal("100.00"), "b": Decimal("30.00")}
    assert [f"{found.amount:f}" for found in reductions(amounts, coupons, "USD")] == taken
