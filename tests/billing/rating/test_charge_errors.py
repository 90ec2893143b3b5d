"""What is wrong with a charge or a case is said by the path of its field."""

import pytest

from billing.rating.case import rate_json
from billing.rating.charge import parse_charge
from billing.rating.errors import ChargeError
from tests.billing.rating.examples import tiers

UNIT = {"model": "per_unit", "unit_amount": "1"}
ONE_TIER = {"up_to": None, "unit_amount": "1"}


def graduated(*rows: object) -> dict[str, object]:
    return {"model": "graduated", "tiers": list(rows)}


@pytest.mark.parametrize(
    ("charge", "path"),
    [
        (None, "charge"),
        ([], "charge"),
        ({}, "charge.model"),
        ({"model": "free"}, "charge.model"),
        ({"model": ["per_unit"]}, "charge.model"),
        ({"model": "per_unit"}, "charge.unit_amount"),
        ({**UNIT, "unit_amout": "1"}, "charge.unit_amout"),
        ({**UNIT, "tiers": []}, "charge.tiers"),
        ({**UNIT, "charge_zero_usage": True}, "charge.charge_zero_usage"),
        ({**UNIT, "unit_amount": "-1"}, "charge.unit_amount"),
        ({**UNIT, "unit_amount": 0.5}, "charge.unit_amount"),
        ({**UNIT, "unit_amount": True}, "charge.unit_amount"),
        ({**UNIT, "unit_amount": None}, "charge.unit_amount"),
        ({**UNIT, "unit_amount": "NaN"}, "charge.unit_amount"),
        ({**UNIT, "unit_amount": "1_000"}, "charge.unit_amount"),
        ({**UNIT, "unit_amount": "1,5"}, "charge.unit_amount"),
        ({**UNIT, "unit_amount": " 1"}, "charge.unit_amount"),
        ({**UNIT, "unit_amount": "١"}, "charge.unit_amount"),
        ({**UNIT, "unit_amount": "1e99"}, "charge.unit_amount"),
        ({**UNIT, "unit_amount": "1e-101"}, "charge.unit_amount"),
        ({"model": "package", "package_size": "0", "package_amount": "1"}, "charge.package_size"),
        ({"model": "package", "package_size": "1"}, "charge.package_amount"),
        ({"model": "graduated"}, "charge.tiers"),
        ({"model": "graduated", "tiers": {}}, "charge.tiers"),
        (graduated(), "charge.tiers"),
        (graduated("1"), "charge.tiers[0]"),
        (graduated({"unit_amount": "1"}), "charge.tiers[0].up_to"),
        (graduated({"up_to": None}), "charge.tiers[0].unit_amount"),
        (graduated({**ONE_TIER, "flat": "1"}), "charge.tiers[0].flat"),
        (graduated({**ONE_TIER, "flat_amount": "-1"}), "charge.tiers[0].flat_amount"),
        (graduated({**ONE_TIER, "up_to": "5"}), "charge.tiers[0].up_to"),
        (graduated({**ONE_TIER, "up_to": "0"}, ONE_TIER), "charge.tiers[0].up_to"),
        (graduated(ONE_TIER, ONE_TIER), "charge.tiers[0].up_to"),
        (graduated(*tiers(("9", "1", "0"), ("9", "1", "0")), ONE_TIER), "charge.tiers[1].up_to"),
        ({**graduated(ONE_TIER), "charge_zero_usage": 1}, "charge.charge_zero_usage"),
        ({"model": "volume", "tiers": [{"up_to": None}]}, "charge.tiers[0].unit_amount"),
        (
            {"model": "graduated_percentage", "tiers": [ONE_TIER]},
            "charge.tiers[0].unit_amount",
        ),
        ({"model": "percentage"}, "charge.rate_percent"),
        (
            {
                "model": "percentage",
                "rate_percent": "1",
                "minimum_amount_per_event": "2",
                "maximum_amount_per_event": "1",
            },
            "charge.maximum_amount_per_event",
        ),
        ({"model": "dynamic", "unit_amount": "1"}, "charge.unit_amount"),
        ({"model": "burst", "free_units": "1"}, "charge.free_units"),
        ({**UNIT, "unit_conversion": "1000"}, "charge.unit_conversion"),
        ({**UNIT, "unit_conversion": {}}, "charge.unit_conversion.divide_by"),
        ({**UNIT, "unit_conversion": {"divide_by": "0"}}, "charge.unit_conversion.divide_by"),
        (
            {**UNIT, "unit_conversion": {"divide_by": "1", "rounding": "up"}},
            "charge.unit_conversion.rounding",
        ),
        ({**UNIT, "free_units": "-1"}, "charge.free_units"),
        ({**UNIT, "commitment": {"true_up": True}}, "charge.commitment.amount"),
        ({**UNIT, "commitment": {"amount": "1", "true_up": "yes"}}, "charge.commitment.true_up"),
        ({**UNIT, "discount_percent": "100.1"}, "charge.discount_percent"),
        ({**UNIT, "maximum_amount": "-1"}, "charge.maximum_amount"),
        ({**UNIT, "minimum_amount": ["1"]}, "charge.minimum_amount"),
    ],
)
def test_a_bad_charge_is_an_error_that_names_the_field(charge: object, path: str) -> None:
    with pytest.raises(ChargeError) as raised:
        parse_charge(charge)
    assert raised.value.path == path
    assert str(raised.value).startswith(f"{path}: ")


def test_the_path_begins_where_the_charge_stands() -> None:
    with pytest.raises(ChargeError, match=r"^plans\[0\]\.charges\[2\]\.charge\.model: is missing"):
        parse_charge({}, path="plans[0].charges[2].charge")


UNIT_JSON = '"charge": {"model": "per_unit", "unit_amount": "1"}'


@pytest.mark.parametrize(
    ("case", "error"),
    [
        ("7", "case: must be an object, not a number"),
        ("{}", "charge: is missing"),
        ('{"charge": null}', "charge: must be an object, not null"),
        (f"{{{UNIT_JSON}}}", "quantity: is missing"),
        (f'{{{UNIT_JSON}, "quantity": "-1"}}', "quantity: must not be negative, but is -1"),
        (f'{{{UNIT_JSON}, "quantity": 0.5}}', 'quantity: must be a decimal string such as "0.5"'),
        (f'{{{UNIT_JSON}, "quantity": 1e2}}', "quantity: must be a decimal string"),
        (f'{{{UNIT_JSON}, "quantity": NaN}}', "quantity: must be a decimal string"),
        (f'{{{UNIT_JSON}, "quantity": {"9" * 5000}}}', "quantity: must be a decimal string"),
        (f'{{{UNIT_JSON}, "quantity": "{"9" * 39}"}}', "quantity: must have at most 38 digits"),
        (f'{{{UNIT_JSON}, "quantity": "1", "already_rated": "-2"}}', "already_rated: must not be"),
        (f'{{{UNIT_JSON}, "quantity": "1", "events": "1"}}', "events: must be a list, not a str"),
        (f'{{{UNIT_JSON}, "quantity": "1", "events": ["2", "-1"]}}', "events[1]: must not be neg"),
        (f'{{{UNIT_JSON}, "quantity": "1", "events": ["2"]}}', "events: add up to 2"),
        (f'{{{UNIT_JSON}, "buckets": ["1", "x"]}}', "buckets[1]: is not a decimal number: 'x'"),
        (f'{{{UNIT_JSON}, "buckets": ["1"], "quantity": "1"}}', "quantity: cannot be given toge"),
        (f'{{{UNIT_JSON}, "buckets": ["1"], "events": ["1"]}}', "events: cannot be given togeth"),
        (f'{{{UNIT_JSON}, "quantity": "1", "alredy_rated": "1"}}', "alredy_rated: is not a known"),
        ('{"charge": {"model": "burst"}}', "charge.model: burst charges are priced from a tenant"),
    ],
)
def test_a_bad_case_is_an_error_in_its_place(case: str, error: str) -> None:
    good = f'{{{UNIT_JSON}, "quantity": "3", "id": "x", "note": "y", "source": "z"}}'
    before, bad, after = rate_json(f"[{good}, {case}, {good}]".encode())
    assert before["amount"] == after["amount"] == "3"
    assert list(bad) == ["error"]
    assert str(bad["error"]).startswith(error)
