"""A charge and a meter in a few words, for lists."""

from collections.abc import Mapping
from typing import Any

from billing.rating.charge import parse_charge
from billing.rating.errors import ChargeError
from metering.usage.meter import MeterError, parse_meter


def charge_words(charge: Any) -> str:
    """`graduated, 2 tiers from 0.000004, minimum amount 5`."""
    try:
        parse_charge(charge)
    except ChargeError as error:
        return f"not valid: {error}"
    return ", ".join([_model_words(charge), *_adjustment_words(charge)])


def _model_words(charge: Mapping[str, Any]) -> str:
    model = str(charge["model"]).replace("_", " ")
    tiers = charge.get("tiers") or []
    if tiers:
        price = tiers[0].get("unit_amount", tiers[0].get("rate_percent"))
        return f"{model}, {len(tiers)} tier{'' if len(tiers) == 1 else 's'} from {price}"
    if charge["model"] == "package":
        return f"{charge['package_amount']} a package of {charge['package_size']}"
    found = charge.get("unit_amount", charge.get("rate_percent"))
    return model if found is None else f"{model} {found}"


def _adjustment_words(charge: Mapping[str, Any]) -> list[str]:
    names = ("free_units", "discount_percent", "maximum_amount", "minimum_amount")
    words = [f"{n.replace('_', ' ')} {charge[n]}" for n in names if charge.get(n) is not None]
    if commitment := charge.get("commitment"):
        words.insert(0, f"commitment {commitment['amount']}")
    return words


def meter_words(meter: Any) -> str:
    """`sum of input_tokens, only model qwen-max, by model`."""
    if meter is None:
        return "chips, by contract"
    try:
        found = parse_meter(meter)
    except MeterError as error:
        return f"not valid: {error}"
    what = found.metric.replace("_", " ") or " ".join(
        filter(None, (found.aggregation, found.value and f"of {found.value}", f"({found.type})"))
    )
    filters = [f"only {name} {' or '.join(map(repr, values))}" for name, values in found.filters]
    groups = [f"by {', '.join(found.group_by)}"] if found.group_by else []
    window = [f"each {found.window} alone"] if found.window else []
    return ", ".join([what, *filters, *groups, *window])
