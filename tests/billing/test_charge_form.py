"""Charges edited as forms: nothing is lost there and back, and errors find their field."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from billing.charges import check_charge
from billing.forms.charge_form import ChargeForm
from billing.models import Charge, Plan, PlanVersion
from billing.rating.charge_models import CHARGE_MODELS
from billing.rating.errors import ChargeError
from tests.billing.charges import charges, meters, sent

pytestmark = pytest.mark.django_db
GRADUATED: dict[str, Any] = {
    "model": "graduated",
    "tiers": [
        {"up_to": "100", "unit_amount": "0.5"},
        {"up_to": "200", "unit_amount": "0.4"},
        {"up_to": None, "unit_amount": "0.3"},
    ],
}
CALLS = {"type": "agent.tokens", "aggregation": "count"}


@pytest.fixture
def version() -> PlanVersion:
    plan = Plan.objects.create(code="pro", currency="USD")
    return PlanVersion.objects.create(plan=plan, valid_from=date(2026, 1, 1))


def shown(version: PlanVersion, charge: Any, meter: Any = None) -> ChargeForm:
    return ChargeForm(
        instance=Charge(pk=1, version=version, position=1, code="c", charge=charge, meter=meter)
    )


def saved(version: PlanVersion, charge: Any, meter: Any, **changes: str) -> ChargeForm:
    """The form of a charge, sent with some fields changed."""
    data = sent(shown(version, charge, meter)) | changes
    return ChargeForm(data, instance=Charge(pk=1, charge=charge, meter=meter, version=version))


def is_right(charge: Any, meter: Any) -> bool:
    try:
        check_charge(charge, meter)
    except ChargeError:
        return False
    return True


@pytest.mark.parametrize("model", CHARGE_MODELS)
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_charge_goes_into_its_form_and_comes_out_as_it_was(
    version: PlanVersion, model: str, data: st.DataObject
) -> None:
    charge = data.draw(charges((model,)))
    meter = None if model == "burst" else data.draw(meters())
    # Not every meter goes with a charge that prices each event.
    assume(is_right(charge, meter))
    fresh = sent(shown(version, charge, meter))
    again = ChargeForm(fresh)
    assert again.is_valid(), again.all_errors()
    # Typed anew it means the same, and shows the same; left alone not a byte of it changes.
    assert sent(shown(version, again.instance.charge, again.instance.meter)) == fresh
    untouched = saved(version, charge, meter)
    assert untouched.is_valid()
    assert (untouched.instance.charge, untouched.instance.meter) == (charge, meter)
    assert list(untouched.changes()) == []


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"tiers-1-up_to": "100"}, "tiers-1-up_to", "must be above 100, where it begins"),
        ({"tiers-1-price": "-1"}, "tiers-1-price", "must not be negative"),
        ({"tiers-1-price": ""}, "tiers-1-price", "is missing"),
        ({"tiers-0-price": "a lot"}, "tiers-0-price", "is not a decimal number"),
        ({"tiers-2-up_to": "300"}, "tiers-2-up_to", "must be null in the last tier"),
        ({"model": "per_unit"}, "unit_amount", "is missing"),
        (
            {"model": "package", "package_size": "0", "package_amount": "1"},
            "package_size",
            "above 0",
        ),
        ({"discount_percent": "101"}, "discount_percent", "must not be above 100"),
        ({"commitment__overage_factor": "2"}, "commitment__amount", "is missing"),
        ({"counts": ""}, "counts", "is missing"),
        ({"aggregation": "sum", "value": ""}, "value", "is not one of input_tokens"),
        ({"aggregation": "sum", "value": "units"}, "value", "'units' is not one of"),
        ({"counts": "custom.", "aggregation": "count"}, "custom_type", "is required"),
        ({"groups-0-dimension": "tool"}, "groups-0-dimension", "'tool' is not one of agent"),
        ({"counts": "cost", "window": "hour"}, "window", "'hour' is not one of day"),
        ({"model": "burst"}, "counts", "the contracts of a burst charge count chips"),
    ],
)
def test_what_is_wrong_is_said_beside_its_field(
    version: PlanVersion, changes: dict[str, str], field: str, said: str
) -> None:
    form = saved(version, GRADUATED, CALLS, **changes)
    assert not form.is_valid()
    assert said in " ".join(form.all_errors()[field])


def test_a_tier_that_is_removed_is_gone_and_empty_rows_are_not_there(version: PlanVersion) -> None:
    form = saved(version, GRADUATED, CALLS, **{"tiers-1-DELETE": "on", "tiers-TOTAL_FORMS": "5"})
    assert form.is_valid(), form.all_errors()
    kept = [GRADUATED["tiers"][n] for n in (0, 2)]
    assert form.instance.charge == {"model": "graduated", "tiers": kept}


def test_what_was_changed_is_told_by_its_path(version: PlanVersion) -> None:
    form = saved(version, GRADUATED, CALLS, **{"tiers-1-price": "0.45", "minimum_amount": "5"})
    assert form.is_valid()
    assert list(form.changes()) == [
        "tiers[1].unit_amount 0.4 → 0.45",
        "minimum_amount none → 5",
    ]


def test_what_the_fields_cannot_show_is_not_saved_without_it(version: PlanVersion) -> None:
    # A filter that lets nothing pass has no row, and without it everything would be counted.
    meter = {"type": "agent.tokens", "aggregation": "count", "filters": {"model": []}}
    form = saved(version, GRADUATED, meter)
    assert not form.is_valid()
    assert "manage.py apply" in form.all_errors()["__all__"][0]


def test_a_charge_that_was_wrong_can_be_put_right(version: PlanVersion) -> None:
    form = saved(version, {"model": "per_unit"}, CALLS, unit_amount="0.5")
    assert form.is_valid(), form.all_errors()
    assert form.instance.charge == {"model": "per_unit", "unit_amount": "0.5"}


def test_a_new_charge_goes_last_and_needs_a_code_of_its_own(version: PlanVersion) -> None:
    version.charges.create(position=4, code="calls", charge=GRADUATED, meter=CALLS)
    data = sent(shown(version, GRADUATED, CALLS))
    del data["position"]
    form = ChargeForm(data)
    assert form.is_valid()
    assert form.instance.position == 5
    twice = ChargeForm(data | {"code": "calls"})
    assert "has a charge of this code already" in twice.all_errors()["code"][0]


def test_numbers_keep_every_digit(version: PlanVersion) -> None:
    price = "0.12345678901234567890123456789"
    form = saved(version, {"model": "per_unit", "unit_amount": "1"}, CALLS, unit_amount=price)
    assert form.is_valid()
    assert Decimal(form.instance.charge["unit_amount"]) == Decimal(price)
