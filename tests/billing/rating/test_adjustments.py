from decimal import Decimal

import pytest

from billing.rating.charge import parse_charge
from billing.rating.line import RatedLine
from billing.rating.money import ONE
from billing.rating.rate import adjust
from tests.billing.rating.examples import amount, lines, tiers

TEN: dict[str, object] = {"model": "per_unit", "unit_amount": "10"}


@pytest.mark.parametrize(
    ("rounding", "quantity", "expected"),
    [
        ("none", "1400", "14"),  # 1.4 × 10
        ("ceiling", "1400", "20"),
        ("ceiling", "1000", "10"),
        ("floor", "1999", "10"),
        ("half_up", "1499", "10"),
        ("half_up", "1500", "20"),
        ("half_up", "2500", "30"),  # up, and not to the even 2
    ],
)
def test_units_are_converted_before_they_are_priced(
    rounding: str, quantity: str, expected: str
) -> None:
    conversion = {"divide_by": "1000", "rounding": rounding}
    assert amount({**TEN, "unit_conversion": conversion}, quantity) == expected


def test_thirds_of_a_unit_lose_nothing() -> None:
    # 10 / 3 × 3 = 10, where ten times 0.333… would be 9.999…
    thirds = {"unit_conversion": {"divide_by": "3"}}
    assert amount({"model": "per_unit", "unit_amount": "3", **thirds}, "10") == "10"
    # 0.005 stays the half cent that rounds up: 1 / 3 × 0.015
    assert amount({"model": "per_unit", "unit_amount": "0.015", **thirds}, "1") == "0.005"
    # 10 / 3 is one unit at 0.1 and 2.333… at 3: 0.1 + 7
    charge = {"model": "graduated", "tiers": tiers(("1", "0.1", "0"), (None, "3", "0")), **thirds}
    assert amount(charge, "10") == "7.1"
    # an amount that never ends is cut at sixty decimals
    assert amount({"model": "per_unit", "unit_amount": "1", **thirds}, "2") == f"0.{'6' * 59}7"


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [("4", "0"), ("5", "0"), ("5.5", "5"), ("15", "100")],  # 0.5 × 10; 10 × 10
)
def test_the_first_units_are_free(quantity: str, expected: str) -> None:
    assert amount({**TEN, "free_units": "5"}, quantity) == expected


def test_free_units_are_counted_after_the_conversion() -> None:
    # 3000 / 1000 = 3, less 2 free: 1 × 10
    charge = {**TEN, "unit_conversion": {"divide_by": "1000"}, "free_units": "2"}
    assert amount(charge, "3000") == "10"


COMMITTED: dict[str, object] = {
    **TEN,
    "commitment": {"amount": "50", "overage_factor": "1.5", "true_up": True},
}


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [
        ("0", [("true-up", "1", "50")]),
        ("2", [("units", "2", "20"), ("true-up", "1", "30")]),
        ("5", [("units", "5", "50")]),
        ("7", [("units", "7", "70"), ("overage", "1", "10")]),  # 50 + 20 × 1.5 = 80
    ],
)
def test_a_commitment_tops_up_or_scales_what_exceeds_it(
    quantity: str, expected: list[tuple[str, str, str]]
) -> None:
    assert lines(COMMITTED, quantity) == expected


def test_a_commitment_without_true_up_owes_only_what_was_used() -> None:
    charge = {**TEN, "commitment": {"amount": "50", "overage_factor": "1.5"}}
    assert amount(charge, "2") == "20"
    assert amount(charge, "7") == "80"


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ({"discount_percent": "12.5"}, "87.5"),  # 100 − 12.5
        ({"maximum_amount": "60"}, "60"),
        ({"maximum_amount": "0"}, "0"),
        ({"minimum_amount": "130"}, "130"),
        ({"discount_percent": "50", "maximum_amount": "60"}, "50"),  # the discount comes first
        ({"discount_percent": "50", "minimum_amount": "80"}, "80"),  # owed after the discount
        ({"maximum_amount": "60", "minimum_amount": "80"}, "80"),  # the minimum has the last word
    ],
)
def test_discount_then_maximum_then_minimum(bounds: dict[str, object], expected: str) -> None:
    assert amount({**TEN, **bounds}, "10") == expected


def test_the_discount_is_taken_after_the_commitment() -> None:
    # 2 × 10 trued up to 50, less 10 %
    assert lines({**COMMITTED, "discount_percent": "10"}, "2") == [
        ("units", "2", "20"),
        ("true-up", "1", "30"),
        ("discount", "1", "-5"),
    ]


def test_every_step_explains_itself() -> None:
    charge = {**TEN, "discount_percent": "10", "maximum_amount": "60", "minimum_amount": "70"}
    assert lines(charge, "10") == [
        ("units", "10", "100"),
        ("discount", "1", "-10"),
        ("maximum", "1", "-30"),
        ("minimum", "1", "10"),
    ]


def test_a_minimum_is_owed_without_usage() -> None:
    assert lines({**TEN, "minimum_amount": "5"}, "0") == [("minimum", "1", "5")]


def test_each_window_is_rated_alone_with_all_its_adjustments() -> None:
    # 1 of 2 is beyond the free one: 10; none of 0.5: raised to 3
    charge = {**TEN, "free_units": "1", "minimum_amount": "3"}
    assert lines(charge, buckets=["2", "0.5"]) == [
        ("window-1-units", "1", "10"),
        ("window-2-minimum", "1", "3"),
    ]
    assert amount(charge, buckets=[]) == "0"


def test_lines_priced_elsewhere_are_adjusted_alike() -> None:
    charge = parse_charge({"model": "burst", "discount_percent": "10", "minimum_amount": "95"})
    rated = adjust(charge, [RatedLine.priced("baseline", "Baseline", 100 * ONE, ONE)])
    assert [(line.key, line.amount) for line in rated.lines] == [
        ("baseline", Decimal(100)),
        ("discount", Decimal(-10)),
        ("minimum", Decimal(5)),
    ]
    assert rated.amount == 95
