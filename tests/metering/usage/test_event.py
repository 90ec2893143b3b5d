"""What makes an event valid, and which field an error names."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.usage.event import Chip, Custom, InvalidEvent, Tokens, parse_event

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
AT = "2026-10-01T00:00:00Z"
LATER = "2026-10-01T00:00:01Z"
DATA: dict[str, dict[str, Any]] = {
    "agent.task": {"task": "t", "status": "succeeded"},
    "agent.tokens": {"model": "m"},
    "agent.cache": {"cache": "c", "hit": True},
    "agent.chip": {"chip": "p800", "started_at": AT, "ended_at": LATER},
    "agent.tool": {"tool": "search"},
    "custom.pages": {"value": "1.5"},
}


def cloud_event(kind: str = "agent.tokens", data: Any = None, **attributes: Any) -> bytes:
    event = {
        "specversion": "1.0",
        "id": "1",
        "source": "s",
        "type": kind,
        "subject": "ada",
        "time": AT,
        "data": DATA.get(kind, {}) if data is None else data,
    }
    return json.dumps(event | attributes).encode()


def with_data(kind: str, **fields: Any) -> bytes:
    return cloud_event(kind, DATA[kind] | fields)


def without(kind: str, field: str) -> bytes:
    return cloud_event(kind, {k: v for k, v in DATA[kind].items() if k != field})


@pytest.mark.parametrize("kind", DATA)
def test_what_is_required_is_enough(kind: str) -> None:
    event = parse_event(cloud_event(kind), NOW)
    assert (event.type, event.agent, event.source, event.id) == (kind, "ada", "s", "1")
    assert event.time == datetime(2026, 10, 1, tzinfo=UTC)


VALID = {
    "the largest number": with_data("agent.tokens", input_tokens=2**53),
    "labels": with_data("agent.tool", labels={"cost-centre": "42", "env": ""}),
    "all of the output is reasoning": with_data(
        "agent.tokens", output_tokens=5, reasoning_tokens=5
    ),
    "all of the cache write is long": with_data(
        "agent.tokens", cache_write_tokens=5, cache_write_long_tokens=5
    ),
    "blocks as numbers and as text": with_data(
        "agent.tokens", prefix_blocks=[1, "ab", 2**64 - 1, -(2**63)], block_tokens=16
    ),
    "an interval without length": with_data("agent.chip", ended_at=AT),
    "a decimal as a number": with_data("agent.chip", count=0.5),
    "no chips at all": with_data("agent.chip", count="0"),
    "eighteen decimal places": with_data("custom.pages", value="0.000000000000000001"),
    "an hour ahead": cloud_event(time="2026-11-24T13:00:00Z"),
    "another zone": cloud_event(time="2026-10-01T08:00:00+08:00"),
    "any time ago": cloud_event(time="1970-01-01T00:00:00Z"),
    "attributes of extensions": cloud_event(tenantid="acme", datacontenttype="application/json"),
    "a custom event of nobody": json.dumps(
        {"specversion": "1.0", "id": "1", "source": "s", "type": "custom.x", "data": {"value": 1}}
    ).encode(),
}


@pytest.mark.parametrize("raw", VALID.values(), ids=VALID)
def test_is_valid(raw: bytes) -> None:
    parse_event(raw, NOW)


INVALID = {
    # the envelope
    "event: no JSON": b"{",
    "event: an array": b"[]",
    "event: null": b"null",
    "event: bytes that are no text": b'{"id": "\xff"}',
    "event: half of a pair": b'{"id": "\\ud800"}',
    "event: two events": cloud_event() + cloud_event(),
    "event: nested too deeply": b'{"data":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "id: missing": b'{"specversion":"1.0","source":"s","type":"agent.task"}',
    "id: empty": cloud_event(id=""),
    "id: a number": cloud_event(id=1),
    "id: too long": cloud_event(id="x" * 513),
    "source: empty": cloud_event(source=""),
    "specversion: of long ago": cloud_event(specversion="0.3"),
    "type: unknown": cloud_event("agent.token"),
    "type: custom without a name": cloud_event("custom."),
    "subject: missing": cloud_event(subject=None),
    "subject: empty": cloud_event(subject=""),
    "subject: not a string": cloud_event(subject=5),
    "time: no zone": cloud_event(time="2026-10-01T00:00:00"),
    "time: no time": cloud_event(time="2026-10-01"),
    "time: a number": cloud_event(time=1_790_000_000),
    "time: more than an hour ahead": cloud_event(time="2026-11-24T13:00:00.000001Z"),
    "time: the end of the calendar": cloud_event(time="9999-12-31T23:59:59-23:59"),
    "time: the start of the calendar": cloud_event(time="0001-01-01T00:00:00+23:59"),
    "time: before the epoch": cloud_event(time="1969-12-31T23:59:59Z"),
    "data: missing": cloud_event().replace(b', "data": {"model": "m"}', b""),
    "data: null": cloud_event().replace(b'{"model": "m"}', b"null"),
    "data: a string": cloud_event(data="x"),
    # every type
    "data.labels: not an object": with_data("agent.tool", labels=["a"]),
    "data.labels[...]: nested": with_data("agent.tool", labels={"a": {"b": "c"}}),
    "data.labels[...]: a number": with_data("agent.tool", labels={"a": 1}),
    "data.labels: an empty key": with_data("agent.tool", labels={"": "x"}),
    "data.labels: too many": with_data("agent.tool", labels={str(n): "" for n in range(65)}),
    "data.usage: misspelt": with_data("agent.tool", usage=1),
    "data.task: a number": with_data("agent.tool", task=7),
    # agent.task
    "data.task: missing": without("agent.task", "task"),
    "data.task: empty": with_data("agent.task", task=""),
    "data.status: missing": without("agent.task", "status"),
    "data.status: of a tool": with_data("agent.task", status="ok"),
    "data.started_at: no zone": with_data("agent.task", started_at="2026-10-01T00:00:00"),
    "data.ended_at: before the start": with_data("agent.task", started_at=LATER, ended_at=AT),
    "data.parent_task: itself": with_data("agent.task", parent_task="t"),
    # agent.tokens
    "data.model: missing": without("agent.tokens", "model"),
    "data.model: null": with_data("agent.tokens", model=None),
    "data.inputTokens: misspelt": with_data("agent.tokens", inputTokens=5),
    "data.input_tokens: negative": with_data("agent.tokens", input_tokens=-1),
    "data.input_tokens: above 2^53": with_data("agent.tokens", input_tokens=2**53 + 1),
    "data.input_tokens: far above": with_data("agent.tokens", input_tokens=2**200),
    "data.input_tokens: a fraction": with_data("agent.tokens", input_tokens=1.5),
    "data.input_tokens: a float": with_data("agent.tokens", input_tokens=1.0),
    "data.input_tokens: a string": with_data("agent.tokens", input_tokens="5"),
    "data.input_tokens: true": with_data("agent.tokens", input_tokens=True),
    "data.input_tokens: null": with_data("agent.tokens", input_tokens=None),
    "data.input_tokens: NaN": with_data("agent.tokens", input_tokens=float("nan")),
    "data.output_tokens: infinite": with_data("agent.tokens", output_tokens=float("inf")),
    "data.cache_write_long_tokens: more than all": with_data(
        "agent.tokens", cache_write_tokens=1, cache_write_long_tokens=2
    ),
    "data.reasoning_tokens: more than all": with_data(
        "agent.tokens", output_tokens=1, reasoning_tokens=2
    ),
    "data.attempt: zero": with_data("agent.tokens", attempt=0),
    "data.attempt: beyond the column": with_data("agent.tokens", attempt=2**31 + 1),
    "data.modality: empty": with_data("agent.tokens", modality=""),
    "data.block_tokens: missing": with_data("agent.tokens", prefix_blocks=[1]),
    "data.prefix_blocks[1]: a fraction": with_data(
        "agent.tokens", prefix_blocks=[1, 1.5], block_tokens=1
    ),
    "data.prefix_blocks[0]: thousands of digits": with_data(
        "agent.tokens", prefix_blocks=["@"], block_tokens=1
    ).replace(b'"@"', b"9" * 5000),
    "data.prefix_blocks: too many": with_data(
        "agent.tokens", prefix_blocks=[1] * 100_001, block_tokens=1
    ),
    "data.duration_ms: negative": with_data("agent.tokens", duration_ms=-1),
    # agent.cache
    "data.cache: missing": without("agent.cache", "cache"),
    "data.hit: missing": without("agent.cache", "hit"),
    "data.hit: a number": with_data("agent.cache", hit=1),
    # agent.chip
    "data.chip: missing": without("agent.chip", "chip"),
    "data.started_at: missing": without("agent.chip", "started_at"),
    "data.ended_at: missing": without("agent.chip", "ended_at"),
    "data.ended_at: reversed": with_data("agent.chip", ended_at="2026-09-30T23:59:59.999999Z"),
    "data.ended_at: without a zone": with_data("agent.chip", ended_at="2026-10-01T00:00:01"),
    "data.ended_at: to come": with_data("agent.chip", ended_at="2226-10-01T00:00:01Z"),
    "data.count: negative": with_data("agent.chip", count=-0.5),
    "data.phase: unknown": with_data("agent.chip", phase="warm"),
    # agent.tool
    "data.tool: missing": without("agent.tool", "tool"),
    "data.status: unknown": with_data("agent.tool", status="succeeded"),
    "data.units: NaN": with_data("agent.tool", units="NaN"),
    # custom.*
    "data.value: missing": without("custom.pages", "value"),
    "data.value: NaN": with_data("custom.pages", value=float("nan")),
    "data.value: NaN as text": with_data("custom.pages", value="NaN"),
    "data.value: infinite": with_data("custom.pages", value="Infinity"),
    "data.value: above 2^53": with_data("custom.pages", value="9007199254740992.1"),
    "data.value: nineteen decimal places": with_data("custom.pages", value="0.1000000000000000001"),
    "data.value: very small": with_data("custom.pages", value="1e-400"),
    "data.value: very large": with_data("custom.pages", value="1e400"),
    "data.value: beyond any exponent": with_data("custom.pages", value="1e99999999999999999999"),
    "data.value: true": with_data("custom.pages", value=True),
    "data.value: words": with_data("custom.pages", value="two"),
    "data.model: of another type": with_data("custom.pages", model="m"),
}


@pytest.mark.parametrize("name", INVALID)
def test_an_error_begins_with_the_field(name: str) -> None:
    with pytest.raises(InvalidEvent) as error:
        parse_event(INVALID[name], NOW)
    assert str(error.value).startswith(name.partition(":")[0] + ": ")


def test_decimals_are_exact_to_eighteen_places() -> None:
    raw = with_data("custom.pages", value="@").replace(
        b'"@"', b"9007199254740991.123456789012345678"
    )
    data = parse_event(raw, NOW).data
    assert isinstance(data, Custom)
    assert data.value == Decimal("9007199254740991.123456789012345678")


def test_counts_have_their_defaults() -> None:
    tokens, chip = (parse_event(cloud_event(k), NOW).data for k in ("agent.tokens", "agent.chip"))
    assert isinstance(tokens, Tokens)
    assert isinstance(chip, Chip)
    assert (tokens.attempt, tokens.modality, tokens.input_tokens) == (1, "text", 0)
    assert (chip.count, chip.phase) == (Decimal(1), "active")


def test_an_absent_time_is_the_time_of_receipt_and_no_part_of_the_content() -> None:
    raw = cloud_event(time=None)
    first, again = parse_event(raw, NOW), parse_event(raw, NOW + timedelta(hours=5))
    assert (first.time, again.time) == (NOW, NOW + timedelta(hours=5))
    assert first.content == again.content
    assert first.content != parse_event(cloud_event(time=NOW.isoformat()), NOW).content


def test_time_is_brought_to_utc() -> None:
    assert parse_event(cloud_event(time="2026-10-01T08:00:00+08:00"), NOW).time == datetime(
        2026, 10, 1, tzinfo=UTC
    )


@pytest.mark.parametrize("change", [{"source": "t"}, {"id": "2"}])
def test_identity_is_source_and_id(change: dict[str, str]) -> None:
    one, other = parse_event(cloud_event(), NOW), parse_event(cloud_event(**change), NOW)
    assert one.identity != other.identity
    assert one.content == other.content


@pytest.mark.parametrize(
    "raw",
    [
        cloud_event(subject="bob"),
        cloud_event(time=LATER),
        cloud_event("agent.tool"),
        with_data("agent.tokens", input_tokens=1),
        with_data("agent.tokens", labels={"a": "b"}),
    ],
)
def test_content_is_everything_else(raw: bytes) -> None:
    one, other = parse_event(cloud_event(), NOW), parse_event(raw, NOW)
    assert one.identity == other.identity
    assert one.content != other.content


def test_content_does_not_depend_on_how_json_is_written() -> None:
    labels = {"a": "1", "b": "2"}
    raw = with_data("agent.tokens", labels=labels, input_tokens=0)
    spaced = json.dumps(json.loads(raw), indent=3, sort_keys=True).encode()
    backwards = with_data("agent.tokens", labels=dict(reversed(labels.items())))
    assert len({parse_event(text, NOW).content for text in (raw, spaced, backwards)}) == 1


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
field_names = st.sampled_from(sorted({name for data in DATA.values() for name in data}))


def parses_or_is_invalid(raw: bytes) -> None:
    try:
        event = parse_event(raw, NOW)
    except InvalidEvent:
        return
    assert event.identity < 2**64
    assert event.content < 2**64


@given(anything)
def test_any_json_parses_or_is_invalid(value: Any) -> None:
    parses_or_is_invalid(json.dumps(value).encode())


@given(st.sampled_from(sorted(DATA)), st.dictionaries(field_names, anything, max_size=3))
def test_any_data_parses_or_is_invalid(kind: str, fields: dict[str, Any]) -> None:
    parses_or_is_invalid(with_data(kind, **fields))


@given(
    st.dictionaries(
        st.sampled_from(["id", "source", "type", "subject", "time", "data", "specversion"]),
        anything,
    )
)
def test_any_attributes_parse_or_are_invalid(attributes: dict[str, Any]) -> None:
    parses_or_is_invalid(cloud_event(**attributes))


@given(st.binary())
def test_any_bytes_are_invalid(raw: bytes) -> None:
    with pytest.raises(InvalidEvent):
        parse_event(raw, NOW)


@given(st.integers(0, 200), st.binary(min_size=1, max_size=3))
def test_a_damaged_event_parses_or_is_invalid(place: int, damage: bytes) -> None:
    raw = cloud_event()
    parses_or_is_invalid(raw[:place] + damage + raw[place + 1 :])
