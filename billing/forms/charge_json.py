"""A charge as the fields and rows of a form, and back: what is left blank is not in the charge.

Which fields there are is read from the registry of charge models. A field within an object is
named as its path, with two underscores for the dot.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from billing.rating.charge_models import CHARGE_MODELS

Values = dict[str, Any]
NESTED = "__"
TIERS = "tiers"
ADJUSTMENTS = (
    "unit_conversion__divide_by",
    "unit_conversion__rounding",
    "free_units",
    "commitment__amount",
    "commitment__overage_factor",
    "commitment__true_up",
    "discount_percent",
    "maximum_amount",
    "minimum_amount",
)
MODEL_FIELDS: dict[str, tuple[str, ...]] = {
    name: tuple(field for field in model.__dataclass_fields__ if field != TIERS)
    for name, model in CHARGE_MODELS.items()
}
TIERED = tuple(name for name, model in CHARGE_MODELS.items() if TIERS in model.__dataclass_fields__)
FLAGS = {"commitment__true_up"} | {
    name
    for model in CHARGE_MODELS.values()
    for name, field in model.__dataclass_fields__.items()
    if field.type is bool
}
# Every field of some model, each once, in the order of the registry.
PRICES = tuple(dict.fromkeys(name for names in MODEL_FIELDS.values() for name in names))


def tier_price(model: str) -> str:
    """What the price of a tier is called."""
    return "rate_percent" if model == "graduated_percentage" else "unit_amount"


def charge_values(charge: Mapping[str, Any]) -> Values:
    """The fields of a charge, its tiers apart. ValueError for what no field can show."""
    model = charge.get("model")
    names = (*MODEL_FIELDS.get(str(model), ()), *ADJUSTMENTS)
    found = {name: _at(charge, name) for name in names}
    return {"model": model} | {
        name: bool(value) if name in FLAGS else text_of(value) for name, value in found.items()
    }


def tier_values(tiers: object, price: str) -> list[Values]:
    """The rows of tiers. ValueError for what no row can show."""
    if tiers is None:
        return []
    if not isinstance(tiers, list) or not all(isinstance(tier, Mapping) for tier in tiers):
        raise ValueError("tiers are a list of objects")
    return [
        {
            "up_to": text_of(tier.get("up_to")),
            "price": text_of(tier.get(price)),
            "flat_amount": text_of(tier.get("flat_amount")),
        }
        for tier in tiers
    ]


def charge_json(values: Mapping[str, Any], tiers: Sequence[Mapping[str, Any]]) -> Values:
    """The charge that the fields and rows say."""
    model = values.get("model") or ""
    charge: Values = {"model": model}
    for name in (*MODEL_FIELDS.get(model, ()), *ADJUSTMENTS):
        if values.get(name):
            _put(charge, name, values[name])
    if model in TIERED:
        charge[TIERS] = tiers_json(tiers, tier_price(model))
    return charge


def tiers_json(rows: Sequence[Mapping[str, Any]], price: str) -> list[Values]:
    """Rows as tiers; the one without a bound is the last."""
    return [
        {"up_to": row.get("up_to") or None}
        | ({price: row["price"]} if row.get("price") else {})
        | ({"flat_amount": row["flat_amount"]} if row.get("flat_amount") else {})
        for row in rows
    ]


def text_of(value: object) -> str:
    """A value as it is typed: numbers are texts or whole."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise ValueError(f"{value!r} is no text and no whole number")


def _at(charge: Mapping[str, Any], name: str) -> object:
    outer, _, inner = name.partition(NESTED)
    value = charge.get(outer)
    if not inner:
        return value
    return value.get(inner) if isinstance(value, Mapping) else None


def _put(charge: Values, name: str, value: object) -> None:
    outer, _, inner = name.partition(NESTED)
    if inner:
        charge.setdefault(outer, {})[inner] = value
    else:
        charge[outer] = value
