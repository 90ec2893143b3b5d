"""Laws of rating that hold for every charge and every quantity."""

from decimal import Context, Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.rating.money import EXACT
from tests.billing.rating import strategies as some
from tests.billing.rating.examples import rated

RECOVERED = Decimal("1E-50")  # thirds of a unit are cut at sixty decimals


@given(some.adjusted(some.any_model), some.quantities, some.quantities)
def test_lines_sum_to_the_amount_and_have_keys_of_their_own(
    charge: some.Charge, quantity: Decimal, already: Decimal
) -> None:
    result = rated(charge, quantity, already)
    with localcontext(EXACT):
        assert sum((line.amount for line in result.lines), Decimal(0)) == result.amount
    assert len({line.key for line in result.lines}) == len(result.lines)


@given(some.any_model, some.quantities)
def test_a_line_is_its_quantity_times_its_unit_amount(
    charge: some.Charge, quantity: Decimal
) -> None:
    for line in rated(charge, quantity).lines:
        assert line.unit_amount is not None
        assert EXACT.multiply(line.quantity, line.unit_amount) == line.amount


@given(some.monotone, some.quantities.filter(bool), some.quantities)
def test_two_parts_cost_what_the_whole_costs(
    charge: some.Charge, first: Decimal, second: Decimal
) -> None:
    whole = rated(charge, first + second).amount
    assert rated(charge, first).amount + rated(charge, second, first).amount == whole


@given(some.adjusted(some.any_model), some.quantities.filter(bool), some.quantities)
def test_two_parts_cost_what_the_whole_costs_through_all_adjustments(
    charge: some.Charge, first: Decimal, second: Decimal
) -> None:
    with localcontext(EXACT):
        parts = rated(charge, first).amount + rated(charge, second, first).amount
        assert abs(parts - rated(charge, first + second).amount) < RECOVERED


@given(some.monotone, some.quantities, some.quantities)
def test_more_usage_never_costs_less(charge: some.Charge, quantity: Decimal, more: Decimal) -> None:
    assert rated(charge, quantity + more).amount >= rated(charge, quantity).amount


@given(some.adjusted(some.any_model), some.quantities.filter(bool))
def test_usage_rated_again_unchanged_adds_nothing(charge: some.Charge, quantity: Decimal) -> None:
    assert rated(charge, 0, quantity).lines == ()


@given(some.adjusted(some.any_model), some.quantities, st.integers(1, 9))
def test_the_callers_decimal_context_changes_nothing(
    charge: some.Charge, quantity: Decimal, precision: int
) -> None:
    expected = rated(charge, quantity, 1)
    with localcontext(Context(prec=precision, traps=[])):
        assert rated(charge, quantity, 1) == expected


@pytest.mark.parametrize("quantity", [Decimal("NaN"), Decimal("-Infinity"), Decimal(-1)])
def test_a_quantity_is_a_finite_number_from_zero_on(quantity: Decimal) -> None:
    with pytest.raises(ValueError, match=r"^quantity: must"):
        rated({"model": "per_unit", "unit_amount": "1"}, quantity)
