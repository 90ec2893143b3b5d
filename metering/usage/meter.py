"""What a charge counts: an aggregation over events, or a metric over what is derived from them.

A meter is data. Every name in it comes from the tables below; the ClickHouse side turns the same
names into expressions, and values are only ever bound.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from metering.usage.event import CUSTOM, DATA_TYPES

# A level is the value of the last event until the next one comes: docs/decisions/0020-meters.md.
LEVELS = ("time_weighted", "time_weighted_mean")
PERCENTILE = "p95"
AGGREGATIONS = ("sum", "count", "unique", "max", "latest", *LEVELS, PERCENTILE)
WINDOWS = ("day", "hour")
METRICS = (
    "delivering_agent_days",
    "active_agent_days",
    "succeeded_tasks",
    "effective_tokens",
    "cost",
)
LABEL = "labels."

_EVERY_TYPE = ("agent", "task", "source", "type")
# What can be filtered and grouped by, for each type of event.
DIMENSIONS: dict[str, tuple[str, ...]] = {
    "agent.task": (*_EVERY_TYPE, "status", "session", "parent_task"),
    "agent.tokens": (*_EVERY_TYPE, "provider", "model", "modality", "service_tier"),
    "agent.cache": (*_EVERY_TYPE, "cache", "model"),
    "agent.chip": (*_EVERY_TYPE, "chip", "phase", "region"),
    "agent.tool": (*_EVERY_TYPE, "tool", "status"),
    CUSTOM: _EVERY_TYPE,
}
# What can be added up or compared, for each type of event.
VALUES: dict[str, tuple[str, ...]] = {
    "agent.task": (),
    "agent.tokens": (
        "input_tokens",
        "cache_read_tokens",
        "cache_write_tokens",
        "cache_write_long_tokens",
        "output_tokens",
        "reasoning_tokens",
        "prompt_tokens",
        "total_tokens",
        "duration_ms",
    ),
    "agent.cache": ("saved_tokens",),
    "agent.chip": ("count", "chip_seconds"),
    "agent.tool": ("units", "duration_ms"),
    CUSTOM: ("value",),
}
METRIC_DIMENSIONS: dict[str, tuple[str, ...]] = {
    "delivering_agent_days": ("agent",),
    "active_agent_days": ("agent",),
    "succeeded_tasks": ("agent", "task", "session"),
    "effective_tokens": ("agent", "task", "provider", "model", "modality", "service_tier"),
    "cost": ("agent", "provider", "model", "modality", "service_tier"),
}


class MeterError(ValueError):
    """A meter that cannot be used; the message begins with the path of the field at fault."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """What is counted, as a value. Either `type` or `metric` is set, never both."""

    type: str = ""
    aggregation: str = "sum"
    value: str = ""
    metric: str = ""
    filters: tuple[tuple[str, tuple[str, ...]], ...] = ()
    group_by: tuple[str, ...] = ()
    # Each day or hour is counted, and rated, alone.
    window: str = ""

    @property
    def reaches_back(self) -> bool:
        """Whether an event before a period has a part in the period's quantity."""
        return self.aggregation in LEVELS

    @property
    def kind(self) -> str:
        """The row of the tables above that the type belongs to."""
        return kind_of(self.type)


def kind_of(event_type: str) -> str:
    """`custom.` for every custom type, else the type itself."""
    return CUSTOM if event_type.startswith(CUSTOM) else event_type


def parse_meter(data: object) -> Meter:
    """A meter out of JSON or YAML. Raises MeterError."""
    if not isinstance(data, Mapping):
        raise MeterError("meter: must be an object")
    return _metric_meter(data) if "metric" in data else _event_meter(data)


def _metric_meter(data: Mapping[str, object]) -> Meter:
    _refuse_unknown(data, ("metric", "filters", "group_by", "window"))
    metric = _one_of("meter.metric", data["metric"], METRICS)
    dimensions = METRIC_DIMENSIONS[metric]
    return Meter(
        metric=metric,
        aggregation="",
        filters=_filters(data.get("filters"), dimensions),
        group_by=_group_by(data.get("group_by"), dimensions),
        # What is derived is kept, or priced, by the day.
        window=_window(data.get("window"), ("day",)),
    )


def _event_meter(data: Mapping[str, object]) -> Meter:
    _refuse_unknown(data, ("type", "aggregation", "value", "filters", "group_by", "window"))
    event_type = data.get("type")
    if not isinstance(event_type, str) or event_type == CUSTOM:
        raise MeterError("meter.type: is required, such as agent.tokens")
    kind = kind_of(event_type)
    if kind not in (*DATA_TYPES, CUSTOM):
        raise MeterError(f"meter.type: {event_type!r} is not a type of event")
    aggregation = _one_of("meter.aggregation", data.get("aggregation", "sum"), AGGREGATIONS)
    return Meter(
        type=event_type,
        aggregation=aggregation,
        value=_value(data.get("value"), aggregation, kind),
        filters=_filters(data.get("filters"), DIMENSIONS[kind]),
        group_by=_group_by(data.get("group_by"), DIMENSIONS[kind]),
        window=_window(data.get("window"), WINDOWS),
    )


def _window(value: object, choices: tuple[str, ...]) -> str:
    return "" if value is None else _one_of("meter.window", value, choices)


def _value(value: object, aggregation: str, kind: str) -> str:
    if aggregation == "count":
        if value is not None:
            raise MeterError("meter.value: is not used when counting; leave it out")
        return ""
    if aggregation == "unique":
        return _dimension("meter.value", value, DIMENSIONS[kind])
    return _one_of("meter.value", value, VALUES[kind])


def _filters(data: object, dimensions: tuple[str, ...]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    if data is None:
        return ()
    if not isinstance(data, Mapping):
        raise MeterError("meter.filters: must be an object of lists")
    filters = []
    for name, allowed in data.items():
        path = f"meter.filters.{name}"
        _dimension(path, name, dimensions)
        if not isinstance(allowed, list) or not all(isinstance(text, str) for text in allowed):
            raise MeterError(f"{path}: must be a list of strings")
        filters.append((str(name), tuple(sorted(set(allowed)))))
    return tuple(sorted(filters))


def _group_by(data: object, dimensions: tuple[str, ...]) -> tuple[str, ...]:
    if data is None:
        return ()
    if not isinstance(data, list):
        raise MeterError("meter.group_by: must be a list")
    names = tuple(
        _dimension(f"meter.group_by[{index}]", name, dimensions) for index, name in enumerate(data)
    )
    if len(set(names)) != len(names):
        raise MeterError("meter.group_by: names a dimension twice")
    return names


def _dimension(path: str, name: object, dimensions: tuple[str, ...]) -> str:
    if isinstance(name, str) and name.startswith(LABEL) and name != LABEL:
        return name
    return _one_of(path, name, (*dimensions, "labels.<key>"))


def _one_of(path: str, value: object, choices: tuple[str, ...]) -> str:
    if not isinstance(value, str) or value not in choices:
        raise MeterError(f"{path}: {value!r} is not one of {', '.join(choices) or '(nothing)'}")
    return value


def _refuse_unknown(data: Mapping[str, object], known: tuple[str, ...]) -> None:
    for name in data:
        if name not in known:
            raise MeterError(f"meter.{name}: is not a field of a meter")
