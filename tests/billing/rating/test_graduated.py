import pytest

from tests.billing.rating.examples import amount, lines, tiers

TIERS = tiers(("10", "1", "5"), ("20", "0.5", "3"), (None, "0.1", "0"))
CHARGE: dict[str, object] = {"model": "graduated", "tiers": TIERS}


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [
        ("0", "0"),  # no unit, no flat amount
        ("0.5", "5.5"),  # 0.5 × 1 + 5
        ("10", "15"),  # 10 × 1 + 5: the bound belongs to the tier below
        ("10.01", "18.005"),  # 15 + 0.01 × 0.5 + 3
        ("20", "23"),  # 15 + 10 × 0.5 + 3
        ("25", "23.5"),  # 23 + 5 × 0.1
    ],
)
def test_each_unit_costs_the_price_of_its_tier(quantity: str, expected: str) -> None:
    assert amount(CHARGE, quantity) == expected


def test_each_tier_and_each_flat_amount_is_a_line() -> None:
    assert lines(CHARGE, "25") == [
        ("tier-1", "10", "10"),
        ("tier-1-flat", "1", "5"),
        ("tier-2", "10", "5"),
        ("tier-2-flat", "1", "3"),
        ("tier-3", "5", "0.5"),
    ]


def test_the_first_flat_amount_is_due_without_usage_only_when_asked_for() -> None:
    assert lines({**CHARGE, "charge_zero_usage": True}, "0") == [("tier-1-flat", "1", "5")]
    assert lines({**CHARGE, "charge_zero_usage": False}, "0") == []


def test_a_flat_amount_is_booked_once_by_whoever_opens_the_tier() -> None:
    assert lines(CHARGE, "2", already_rated="9") == [
        ("tier-1", "1", "1"),
        ("tier-2", "1", "0.5"),
        ("tier-2-flat", "1", "3"),
    ]
    assert lines(CHARGE, "2", already_rated="11") == [("tier-2", "2", "1")]


def test_a_tier_without_a_flat_amount_has_none() -> None:
    charge = {"model": "graduated", "tiers": [{"up_to": None, "unit_amount": "2"}]}
    assert lines(charge, "4") == [("tier-1", "4", "8")]
