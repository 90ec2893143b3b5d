from decimal import Context, localcontext

import pytest

from tests.billing.rating.examples import amount, lines, tiers

TIERS = tiers(("100", "10", "1"), (None, "0.5", "2"), price="rate_percent")
CHARGE: dict[str, object] = {"model": "graduated_percentage", "tiers": TIERS}


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [
        ("0", "0"),
        ("1", "1.1"),  # 1 × 10 % + 1
        ("100", "11"),  # 100 × 10 % + 1
        ("300", "14"),  # 11 + 200 × 0.5 % + 2
    ],
)
def test_each_part_of_the_base_is_charged_its_tier_s_percentage(
    quantity: str, expected: str
) -> None:
    assert amount(CHARGE, quantity) == expected


def test_a_flat_amount_is_booked_once_on_crossing() -> None:
    assert lines(CHARGE, "20", already_rated="90") == [
        ("tier-1", "10", "1"),
        ("tier-2", "10", "0.05"),
        ("tier-2-flat", "1", "2"),
    ]


def test_the_first_flat_amount_is_due_without_usage_only_when_asked_for() -> None:
    assert amount({**CHARGE, "charge_zero_usage": True}, "0") == "1"


def test_a_long_percentage_is_read_exactly_whatever_the_decimal_context() -> None:
    charge = {**CHARGE, "tiers": tiers((None, "1.23456789", "0"), price="rate_percent")}
    with localcontext(Context(prec=3)):
        assert amount(charge, "100") == "1.23456789"
