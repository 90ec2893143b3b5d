"""Where in the form of a charge the field stands that an error's path names."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from billing.forms.charge_json import ADJUSTMENTS, NESTED, PRICES
from metering.usage.event import CUSTOM
from metering.usage.meter import LABEL


@dataclass(frozen=True, slots=True)
class Place:
    """A field of the form (`name` None: the form itself), or one in the nth of its rows."""

    name: str | None
    rows: str = ""
    row: int = 0
    told: str = ""


_TIER = re.compile(r"charge\.tiers\[(?P<n>\d+)\](\.(?P<name>\w+))?")
_GROUP = re.compile(r"meter\.group_by\[(?P<n>\d+)\]")
_TIER_FIELDS = {"unit_amount": "price", "rate_percent": "price"}
_METER_FIELDS = {"aggregation", "value", "window"}


def place_of(path: str, values: Mapping[str, Any]) -> Place:
    """The field that the path of a ChargeError names; what has none is said of the whole."""
    if found := _TIER.fullmatch(path):
        name = found["name"] or "up_to"
        told = f"Tier {int(found['n']) + 1}, {name.replace('_', ' ')}"
        return Place(_TIER_FIELDS.get(name, name), "tiers", int(found["n"]), told)
    if found := _GROUP.fullmatch(path):
        return Place("dimension", "groups", int(found["n"]), f"Group {int(found['n']) + 1}")
    part, _, name = path.partition(".")
    if part == "charge":
        return _of_charge(name)
    return _of_meter(name, values)


def _of_charge(name: str) -> Place:
    flat = name.replace(".", NESTED)
    if flat in {*PRICES, *ADJUSTMENTS, "model"}:
        return Place(flat)
    return Place(None if name else "model")


def _of_meter(name: str, values: Mapping[str, Any]) -> Place:
    if name == "value" and values.get("value") == LABEL:
        return Place("value_label")
    if name in _METER_FIELDS:
        return Place(name)
    if name == "type" and values.get("counts") == CUSTOM:
        return Place("custom_type")
    return Place(None) if name.startswith(("filters", "group_by")) else Place("counts")
