"""Decoding a body in one go gives what decoding each of its events gives, or nothing."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.usage.event import Event, InvalidEvent, parse_event
from metering.usage.event_array import parse_events
from tests.metering.usage.test_event import AT, DATA, NOW, cloud_event

TIMES = [AT, "2026-10-01T02:00:00+02:00", "2026-11-24T12:59:00Z", "2026-11-24T13:01:00Z", None]
EXTRAS: list[dict[str, Any]] = [
    {},
    {"labels": {"team": "a", "env": ""}},
    {"labels": {"": "a"}},
    {"task": "t" * 512},
    {"task": "t" * 513},
    {"duration_ms": 0},
    {"inputTokens": 1},
    {"input_tokens": 5, "reasoning_tokens": 3, "output_tokens": 3},
    {"output_tokens": 2, "reasoning_tokens": 3},
    {"ended_at": "2026-09-30T00:00:00Z"},
    {"started_at": "2026-10-01T00:00:00"},
    {"count": "0.5"},
    {"units": -1},
]


@st.composite
def raw_events(draw: st.DrawFn) -> bytes:
    kind = draw(st.sampled_from([*DATA, "agent.unknown"]))
    attributes = draw(
        st.fixed_dictionaries(
            {"time": st.sampled_from(TIMES), "id": st.sampled_from(["1", "", "é"])},
            optional={
                "subject": st.sampled_from(["ada", "", None]),
                "extension": st.just({"nested": [1]}),
                "specversion": st.sampled_from(["1.0", "0.3"]),
            },
        )
    )
    return cloud_event(kind, DATA.get(kind, {}) | draw(st.sampled_from(EXTRAS)), **attributes)


def each(bodies: list[bytes]) -> list[Event] | None:
    try:
        return [parse_event(body, NOW) for body in bodies]
    except InvalidEvent:
        return None


@given(st.lists(raw_events(), max_size=4))
def test_it_is_what_each_event_by_itself_is(bodies: list[bytes]) -> None:
    expected = each(bodies)
    if any(json.loads(body)["type"].startswith("custom.") for body in bodies):
        expected = None  # types without a list of their names
    array = b"[" + b",".join(bodies) + b"]"
    assert parse_events(array, NOW) == expected
    assert parse_events(b"\n\n".join(bodies) + b"\n", NOW, lines=True) == expected


def test_valid_events_of_every_known_type_take_this_way() -> None:
    bodies = [cloud_event(kind, id=kind) for kind in DATA if kind.startswith("agent.")]
    events = parse_events(b"[" + b",".join(bodies) + b"]", NOW)
    assert events == each(bodies)
    assert events is not None
    assert [event.content for event in events] == [
        parse_event(body, NOW).content for body in bodies
    ]


@pytest.mark.parametrize("text", [b"", b"[", b"{}", b"[1]", b"[\xff]", b"[" * 100_000, b"null"])
def test_what_is_no_array_of_events_is_left_to_others(text: bytes) -> None:
    assert parse_events(text, NOW) is None


def test_numbers_keep_every_digit() -> None:
    event = cloud_event("agent.tool", {"tool": "s", "units": "0.1"})
    [found] = parse_events(b"[" + event.replace(b'"0.1"', b"0.1") + b"]", NOW) or []
    assert found == parse_event(event, NOW)
