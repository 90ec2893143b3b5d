import pytest

from tests.billing.rating.examples import amount, lines, rated, tiers

CHARGE: dict[str, object] = {
    "model": "volume",
    "tiers": tiers(("10", "2", "1"), ("20", "1", "0"), (None, "0.5", "4")),
}


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [
        ("0", "0"),
        ("0.5", "2"),  # 0.5 × 2 + 1
        ("10", "21"),  # 10 × 2 + 1: the bound belongs to the tier below
        ("10.5", "10.5"),  # all 10.5 × 1
        ("20", "20"),  # 20 × 1
        ("30", "19"),  # 30 × 0.5 + 4
    ],
)
def test_all_units_cost_the_price_of_the_tier_that_the_quantity_falls_in(
    quantity: str, expected: str
) -> None:
    assert amount(CHARGE, quantity) == expected


def test_the_first_flat_amount_is_due_without_usage_only_when_asked_for() -> None:
    assert lines({**CHARGE, "charge_zero_usage": True}, "0") == [("tier-1-flat", "1", "1")]


def test_more_usage_can_cost_less() -> None:
    assert rated(CHARGE, 10).amount > rated(CHARGE, 11).amount  # 21 > 11


def test_two_parts_rated_on_their_own_are_not_the_whole() -> None:
    # 6 and 6: 13 + 13 = 26, but 12 at once cost 12 × 1
    assert rated(CHARGE, 6).amount * 2 == 26
    assert rated(CHARGE, 12).amount == 12


def test_crossing_a_bound_takes_back_the_dearer_price_of_the_earlier_units() -> None:
    # 12 at 1 = 12, less the 13 that 6 cost: the next 6 give 1 back
    assert lines(CHARGE, "6", already_rated="6") == [
        ("tier-1", "-6", "-12"),
        ("tier-1-flat", "-1", "-1"),
        ("tier-2", "12", "12"),
    ]
