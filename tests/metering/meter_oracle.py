"""Every aggregation of a meter over a list of CloudEvents, the slow and obvious way."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal, localcontext
from itertools import pairwise
from typing import Any

from metering.usage.meter import Meter
from metering.usage.period import Period
from tests.metering.oracle import Event, moment, place

Key = tuple[tuple[str, ...], Period]
SAMPLE = timedelta(minutes=5)
_DEFAULTS = {"count": "1", "units": "1"}
_ATTRIBUTES = {"agent": "subject", "source": "source", "type": "type"}
_CLASSES = {
    "prompt_tokens": ("input_tokens", "cache_read_tokens", "cache_write_tokens"),
    "total_tokens": ("input_tokens", "cache_read_tokens", "cache_write_tokens", "output_tokens"),
}


def quantities(events: Iterable[Event], meter: Meter, windows: list[Period]) -> dict[Key, Decimal]:
    """By group and window; groups without an event that matters are left out."""
    groups: dict[tuple[str, ...], list[Event]] = defaultdict(list)
    for event in sorted(first_received(events), key=place):
        passes = all(value_of(event, name) in allowed for name, allowed in meter.filters)
        if event["type"] == meter.type and passes:
            groups[tuple(value_of(event, name) for name in meter.group_by)].append(event)
    found = {}
    with localcontext(prec=200):
        for group, some in groups.items():
            for window in windows:
                quantity = _quantity(some, meter, window)
                if quantity is not None:
                    found[group, window] = quantity
    return found


def first_received(events: Iterable[Event]) -> list[Event]:
    """Events in the order they were sent, without the later ones of an identity."""
    kept: dict[tuple[str, str], Event] = {}
    for event in events:
        kept.setdefault((event["source"], event["id"]), event)
    return list(kept.values())


def _quantity(events: list[Event], meter: Meter, window: Period) -> Decimal | None:
    within = [event for event in events if moment(event["time"]) in window]
    if meter.aggregation in ("time_weighted", "time_weighted_mean"):
        area = _area(events, meter, window)
        if area is None or meter.aggregation == "time_weighted":
            return area
        return area / window.seconds
    if not within:
        return None
    match meter.aggregation:
        case "sum":
            return sum((value(event, meter.value) for event in within), Decimal(0))
        case "count":
            return Decimal(len(within))
        case "unique":
            return Decimal(len({value_of(event, meter.value) for event in within}))
        case "max":
            return max(value(event, meter.value) for event in within)
        case "latest":
            return value(within[-1], meter.value)
    return _percentile(within, meter, window)


def _area(events: list[Event], meter: Meter, window: Period) -> Decimal | None:
    """Value × seconds, one step of the level after the other."""
    known = [event for event in events if moment(event["time"]) < window.end]
    if not known:
        return None
    total = Decimal(0)
    ends = [*(moment(event["time"]) for event in known), window.end]
    for event, (begin, end) in zip(known, pairwise(ends), strict=True):
        held = max(end, window.start) - max(begin, window.start)
        total += value(event, meter.value) * (held // timedelta(microseconds=1)) / 1_000_000
    return total


def _percentile(events: list[Event], meter: Meter, window: Period) -> Decimal:
    """The sums of all five minutes, those without events too; the top 5 % are thrown away."""
    samples, start = [], window.start
    while start < window.end:
        samples.append(
            sum(
                (
                    value(event, meter.value)
                    for event in events
                    if start <= moment(event["time"]) < start + SAMPLE
                ),
                Decimal(0),
            )
        )
        start += SAMPLE
    samples.sort()
    for _ in range(len(samples) * 5 // 100):
        samples.pop()
    return samples[-1]


def value_of(event: Event, name: str) -> str:
    """The value of a dimension, as events carry it."""
    data: dict[str, Any] = event["data"]
    if name.startswith("labels."):
        return str(data.get("labels", {}).get(name.removeprefix("labels."), ""))
    if name in _ATTRIBUTES:
        return str(event[_ATTRIBUTES[name]])
    return str(data.get(name, "ok" if (name, event["type"]) == ("status", "agent.tool") else ""))


def value(event: Event, name: str) -> Decimal:
    data: dict[str, Any] = event["data"]
    if name in _CLASSES:
        return sum((value(event, part) for part in _CLASSES[name]), Decimal(0))
    if name == "chip_seconds":
        held = moment(data["ended_at"]) - moment(data["started_at"])
        return value(event, "count") * (held // timedelta(microseconds=1)) / 1_000_000
    return Decimal(str(data.get(name, _DEFAULTS.get(name, "0"))))
