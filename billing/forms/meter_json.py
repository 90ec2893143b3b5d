"""A meter as the fields and rows of a form, and back, by the tables of metering.usage.meter."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from metering.usage.event import CUSTOM
from metering.usage.meter import LABEL, METRICS, kind_of

Values = dict[str, Any]
Rows = Sequence[Mapping[str, Any]]


def meter_values(meter: object) -> Values:
    """What is counted, filters and groups apart. ValueError for what no field can show."""
    if meter is None:
        return {"counts": ""}
    if not isinstance(meter, Mapping):
        raise ValueError("a meter is an object")
    window = {"window": meter.get("window") or ""}
    if "metric" in meter:
        return {"counts": meter["metric"]} | window
    event_type = str(meter.get("type", ""))
    kind = kind_of(event_type)
    value, label = _split(meter.get("value") or "")
    return {
        "counts": kind,
        "custom_type": event_type.removeprefix(CUSTOM) if kind == CUSTOM else "",
        "aggregation": meter.get("aggregation", "sum"),
        "value": value,
        "value_label": label,
    } | window


def filter_rows(meter: object) -> list[Values]:
    """A row for each value that a filter lets pass."""
    filters = meter.get("filters") if isinstance(meter, Mapping) else None
    return [
        dict(zip(("dimension", "label"), _split(name), strict=True)) | {"value": value}
        for name, allowed in (filters or {}).items()
        for value in allowed
    ]


def group_rows(meter: object) -> list[Values]:
    """A row for each dimension, in order."""
    names = meter.get("group_by") if isinstance(meter, Mapping) else None
    return [dict(zip(("dimension", "label"), _split(name), strict=True)) for name in names or ()]


def meter_json(values: Mapping[str, Any], filters: Rows, groups: Rows) -> Values | None:
    """The meter that the fields and rows say; None where nothing is chosen."""
    counts = values.get("counts") or ""
    if not counts:
        return None
    meter: Values = {"metric": counts} if counts in METRICS else _event_meter(values, counts)
    allowed: dict[str, list[str]] = {}
    for row in filters:
        allowed.setdefault(dimension_of(row), []).append(row.get("value") or "")
    if allowed:
        meter["filters"] = allowed
    if groups:
        meter["group_by"] = [dimension_of(row) for row in groups]
    if values.get("window"):
        meter["window"] = values["window"]
    return meter


def dimension_of(row: Mapping[str, Any]) -> str:
    """The name of a row's dimension; that of a label is completed by its key."""
    name = str(row.get("dimension") or "")
    return name + (row.get("label") or "") if name == LABEL else name


def _event_meter(values: Mapping[str, Any], counts: str) -> Values:
    custom = values.get("custom_type") or "" if counts == CUSTOM else ""
    value = "".join(_value_parts(values))
    return {"type": counts + custom, "aggregation": values.get("aggregation") or "sum"} | (
        {"value": value} if value else {}
    )


def _value_parts(values: Mapping[str, Any]) -> Iterator[str]:
    if values.get("aggregation") == "count":
        return
    name = values.get("value") or ""
    yield name
    if name == LABEL:
        yield values.get("value_label") or ""


def _split(name: str) -> tuple[str, str]:
    """A dimension, and the key of a label."""
    return (LABEL, name.removeprefix(LABEL)) if name.startswith(LABEL) else (name, "")
