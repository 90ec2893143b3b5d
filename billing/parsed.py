"""Meters and charges out of the terms, each content read once: many tenants share a plan."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from billing.plan_terms import ChargeTerms
from billing.rating.charge import Charge, parse_charge
from metering.usage.meter import Meter, parse_meter

_MOST = 4096


class _Content:
    """What JSON holds, compared by all that it says, the order of names included."""

    __slots__ = ("data", "text")

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.data, self.text = data, repr(data)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Content) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)


def meter_of(entry: ChargeTerms) -> Meter:
    """What a charge counts. MeterError where that cannot be."""
    return parse_meter(entry.meter) if entry.meter is None else _meter(_Content(entry.meter))


def charge_of(entry: ChargeTerms) -> Charge:
    """How a charge is priced. ChargeError where it cannot be."""
    return _charge(_Content(entry.charge))


@lru_cache(_MOST)
def _meter(content: _Content) -> Meter:
    return parse_meter(content.data)


@lru_cache(_MOST)
def _charge(content: _Content) -> Charge:
    return parse_charge(content.data)
