"""Which meters are taken, and which field an error names."""

from typing import Any

import pytest

from metering.usage.meter import Meter, MeterError, parse_meter

TOKENS = {"type": "agent.tokens", "aggregation": "sum", "value": "input_tokens"}
AGENTS = {"metric": "delivering_agent_days"}

VALID: list[tuple[dict[str, Any], Meter]] = [
    (TOKENS, Meter(type="agent.tokens", aggregation="sum", value="input_tokens")),
    (
        TOKENS | {"filters": {"model": ["b", "a", "b"]}, "group_by": ["model", "labels.env"]},
        Meter(
            type="agent.tokens",
            value="input_tokens",
            filters=(("model", ("a", "b")),),
            group_by=("model", "labels.env"),
        ),
    ),
    ({"type": "custom.pages", "value": "value"}, Meter(type="custom.pages", value="value")),
    (
        {"type": "agent.tool", "aggregation": "count"},
        Meter(type="agent.tool", aggregation="count"),
    ),
    (
        {"type": "agent.task", "aggregation": "unique", "value": "agent"},
        Meter(type="agent.task", aggregation="unique", value="agent"),
    ),
    (
        {"type": "agent.task", "aggregation": "unique", "value": "labels.customer"},
        Meter(type="agent.task", aggregation="unique", value="labels.customer"),
    ),
    (
        {"type": "custom.seats", "aggregation": "time_weighted", "value": "value"},
        Meter(type="custom.seats", aggregation="time_weighted", value="value"),
    ),
    (
        TOKENS | {"aggregation": "p95", "window": "hour"},
        Meter(type="agent.tokens", aggregation="p95", value="input_tokens", window="hour"),
    ),
    (AGENTS, Meter(metric="delivering_agent_days", aggregation="")),
    (AGENTS | {"window": "day"}, Meter(metric=AGENTS["metric"], aggregation="", window="day")),
    (
        {"metric": "effective_tokens", "group_by": ["model"], "filters": {}},
        Meter(metric="effective_tokens", aggregation="", group_by=("model",)),
    ),
]


@pytest.mark.parametrize(("data", "meter"), VALID)
def test_becomes_a_value(data: dict[str, Any], meter: Meter) -> None:
    assert parse_meter(data) == meter


BAD: list[tuple[str, object]] = [
    ("meter", None),
    ("meter", ["agent.tokens"]),
    ("meter.typ", TOKENS | {"typ": "x"}),
    ("meter.type", {"aggregation": "count"}),
    ("meter.type", TOKENS | {"type": 5}),
    ("meter.type", TOKENS | {"type": "agent.token"}),
    ("meter.type", TOKENS | {"type": "custom."}),
    ("meter.aggregation", TOKENS | {"aggregation": "average"}),
    ("meter.aggregation", TOKENS | {"aggregation": None}),
    ("meter.value", {"type": "agent.tokens"}),
    ("meter.value", TOKENS | {"value": "model"}),
    ("meter.value", TOKENS | {"value": "saved_tokens"}),
    ("meter.value", TOKENS | {"aggregation": "count"}),
    ("meter.value", TOKENS | {"aggregation": "unique"}),
    ("meter.value", {"type": "agent.task", "aggregation": "sum", "value": "status"}),
    ("meter.filters", TOKENS | {"filters": ["model"]}),
    ("meter.filters.chip", TOKENS | {"filters": {"chip": ["p800"]}}),
    ("meter.filters.5", TOKENS | {"filters": {5: ["p800"]}}),
    ("meter.filters.model", TOKENS | {"filters": {"model": "m"}}),
    ("meter.filters.model", TOKENS | {"filters": {"model": [1]}}),
    ("meter.filters.labels.", TOKENS | {"filters": {"labels.": ["a"]}}),
    ("meter.group_by", TOKENS | {"group_by": "model"}),
    ("meter.group_by", TOKENS | {"group_by": ["model", "model"]}),
    ("meter.group_by[1]", TOKENS | {"group_by": ["model", "tool"]}),
    ("meter.group_by[0]", TOKENS | {"group_by": [None]}),
    ("meter.group_by[0]", TOKENS | {"group_by": ["model) FROM events --"]}),
    ("meter.value", TOKENS | {"aggregation": "p95", "value": "model"}),
    ("meter.window", TOKENS | {"window": "week"}),
    ("meter.window", AGENTS | {"window": "hour"}),
    ("meter.metric", {"metric": "agents"}),
    ("meter.metric", {"metric": None}),
    ("meter.type", AGENTS | {"type": "agent.task"}),
    ("meter.aggregation", AGENTS | {"aggregation": "sum"}),
    ("meter.group_by[0]", AGENTS | {"group_by": ["model"]}),
    ("meter.filters.model", AGENTS | {"filters": {"model": ["m"]}}),
]


@pytest.mark.parametrize(("field", "data"), BAD)
def test_an_error_begins_with_the_field(field: str, data: object) -> None:
    with pytest.raises(MeterError) as error:
        parse_meter(data)
    assert str(error.value).startswith(f"{field}: ")
