"""The fields of a charge's form, as the registries of models and meters have them."""

from django import forms

from billing.forms.charge_json import ADJUSTMENTS, FLAGS, PRICES
from billing.forms.numbers import NumberText
from billing.rating.charge_models import CHARGE_MODELS
from metering.usage.event import CUSTOM
from metering.usage.meter import AGGREGATIONS, DIMENSIONS, LABEL, METRICS, VALUES, WINDOWS

_HELP = {
    "unit_amount": "for each unit",
    "package_size": "units in a package; a started one is whole",
    "charge_zero_usage": "the first tier's flat amount is due without any unit too",
    "unit_conversion__divide_by": "the unit that is priced, in units that are measured:"
    " 1000000 to price by the million",
    "free_units": "the first ones, in priced units",
    "commitment__amount": "agreed on beforehand",
    "commitment__overage_factor": "what goes beyond costs so many times the price",
    "commitment__true_up": "what falls short is topped up",
    "discount_percent": "after the commitment",
    "maximum_amount": "the most that is charged",
    "minimum_amount": "the least that is charged, with or without usage",
}
_MODEL_NAMES = {
    "per_unit": "Per unit",
    "package": "Package",
    "graduated": "Graduated: each unit at its tier's price",
    "volume": "Volume: all units at the price of the tier reached",
    "percentage": "Percentage of an amount",
    "graduated_percentage": "Graduated percentage",
    "dynamic": "Dynamic: events carry their own amount",
    "burst": "Burst: by the tenant's burst contracts",
}
_ROUNDINGS = [
    (name, name.replace("_", " ") or "–") for name in ("", "none", "ceiling", "floor", "half_up")
]
METER_FIELDS = ("counts", "custom_type", "aggregation", "value", "value_label", "window")


def fields() -> dict[str, forms.Field]:
    """Every field there may be; the page shows those that the chosen model has."""
    named = {name: name for name in CHARGE_MODELS} | _MODEL_NAMES
    models = [(name, named[name]) for name in CHARGE_MODELS]
    prices = {name: _price(name) for name in (*PRICES, *ADJUSTMENTS)}
    return {"model": forms.ChoiceField(label="Model", choices=models), **_meter_fields(), **prices}


def label_of(name: str) -> str:
    """`commitment__true_up` as Commitment: true up."""
    return name.replace("__", ": ").replace("_", " ").capitalize()


def _price(name: str) -> forms.Field:
    label, said = label_of(name), _HELP.get(name, "")
    if name in FLAGS:
        return forms.BooleanField(label=label, help_text=said, required=False)
    if name == "unit_conversion__rounding":
        return forms.ChoiceField(label=label, choices=_ROUNDINGS, required=False)
    return NumberText(label=label, help_text=said)


def _meter_fields() -> dict[str, forms.Field]:
    types = [(name, "custom. …" if name == CUSTOM else name) for name in DIMENSIONS]
    counted = [
        ("", "nothing: the contracts of a burst charge count chips"),
        ("Derived", [(name, name.replace("_", " ")) for name in METRICS]),
        ("Events", types),
    ]
    values = dict.fromkeys(name for names in VALUES.values() for name in names)
    dimensions = dict.fromkeys(name for names in DIMENSIONS.values() for name in names)
    of = [
        ("", "–"),
        ("Numbers", [(name, name) for name in values]),
        ("For unique", [*((name, name) for name in dimensions), (LABEL, "label …")]),
    ]
    return {
        "counts": forms.ChoiceField(label="Counts", choices=counted, required=False),
        "custom_type": forms.CharField(
            label="Custom type", help_text="what follows custom.", required=False, strip=False
        ),
        "aggregation": forms.ChoiceField(
            label="Aggregation",
            choices=[(name, name.replace("_", " ")) for name in AGGREGATIONS],
            required=False,
        ),
        "value": forms.ChoiceField(label="Of", choices=of, required=False),
        "value_label": forms.CharField(label="Label", required=False, strip=False),
        "window": forms.ChoiceField(
            label="Window",
            choices=[("", "the whole month"), *((name, f"each {name}") for name in WINDOWS)],
            help_text="each is counted, and priced, alone",
            required=False,
        ),
    }
