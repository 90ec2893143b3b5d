"""Whatever the bytes, a decoder makes good events of them or says by name what is wrong.

The only exceptions are those it declares, and nothing negative, endless or unstorable comes out.
"""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.clickhouse.event_columns import Numbered, event_columns
from metering.clickhouse.quarantine import Refused
from metering.collectors import cloudevents, dcgm, lago, litellm, opencost, providers, traces
from metering.collectors.chips import ChipError
from metering.collectors.otlp import JSON, PROTOBUF, Unreadable, read_spans
from metering.collectors.span_events import stage
from metering.ingest import _readable
from metering.usage.event import MAX_NUMBER, Event, InvalidEvent, parse_event
from metering.usage.event_array import parse_events
from metering.usage.trace import Traces
from tests.fuzz import good
from tests.fuzz.conftest import fuzzed
from tests.fuzz.hostile import damaged

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
TAKEN = (cloudevents.STRUCTURED, cloudevents.BATCH, cloudevents.JSON, *cloudevents.NDJSON)


def outcome(raw: bytes) -> Event | InvalidEvent:
    """A good event, or why it is none; nothing else may come of any bytes."""
    try:
        event = parse_event(raw, NOW)
    except InvalidEvent as error:
        check_reason(raw, str(error))
        return error
    check(event)
    return event


def check_reason(raw: bytes, reason: str) -> None:
    """It names the field, and can be answered and kept with what is readable of the event."""
    assert reason.partition(":")[0]
    for text in (reason, _readable(raw, "id"), _readable(raw, "source")):
        text.encode()


def check(event: Event) -> None:
    """It can be counted, and stored as it is."""
    for name in event.data.__struct_fields__:
        value = getattr(event.data, name)
        if isinstance(value, Decimal):
            assert value.is_finite()
        if isinstance(value, int | Decimal):
            assert 0 <= value <= MAX_NUMBER, name
    numbered = Numbered(event, event.identity, event.content)
    for values in event_columns(1, 1, type(event.data), [numbered]).values():
        for value in values:
            text = value if isinstance(value, str) else str(value)
            text.encode()


def check_all(raws: Iterable[bytes | Refused]) -> None:
    for raw in raws:
        if isinstance(raw, Refused):
            assert raw.detail
            for text in (raw.source, raw.id, raw.detail):
                text.encode()
        else:
            outcome(raw)


@fuzzed
@given(damaged(*good.EVENT_BODIES))
def test_an_event(raw: bytes) -> None:
    outcome(raw)


@fuzzed
@given(st.lists(damaged(*good.EVENT_BODIES), min_size=1, max_size=3), st.booleans())
def test_events_decoded_in_one_go(raws: list[bytes], lines: bool) -> None:
    """They are what each would be by itself, or are left to be decoded so."""
    body = b"\n".join(raws) if lines else b"[" + b",".join(raws) + b"]"
    found = parse_events(body, NOW, lines=lines)
    if found is None:
        return
    batch = cloudevents.Batch(body, lines)
    assert found == [outcome(raw) for raw in batch]


@fuzzed
@given(
    damaged(
        b"[" + b",".join(good.EVENT_BODIES) + b"]",
        b"\n".join(good.EVENT_BODIES),
        *good.EVENT_BODIES[:1],
    ),
    st.sampled_from([*TAKEN, "application/json; charset=x", "", "text/plain"]),
    st.sampled_from([{}, {}, {}, {"ce-specversion": "1.0", "ce-id": "%ff%00", "CE-Type": "\xff"}]),
)
def test_a_request_of_cloudevents(body: bytes, kind: str, headers: dict[str, str]) -> None:
    try:
        check_all(cloudevents.split_body(kind, headers, body))
    except cloudevents.UnknownContentType:
        assert kind not in TAKEN or headers
    except cloudevents.UnreadableBody as error:
        str(error).encode()


@pytest.mark.parametrize("kind", [PROTOBUF, JSON])
def test_spans(kind: str) -> None:
    @fuzzed
    @given(damaged(*(good.OTLP_JSON if kind == JSON else good.OTLP_PROTOBUF)))
    def law(body: bytes) -> None:
        try:
            spans = read_spans(kind, body)
        except Unreadable:
            return
        kept = []
        for span in spans:
            staged, refused = stage(span, NOW)
            if staged:
                kept.append(staged)
            if refused:
                json.loads(refused.body)
                assert refused.detail.encode()
        # What is kept becomes good events, together as well as each alone.
        for wanted in Traces(kept).wanted({span.trace for span in kept}):
            assert isinstance(outcome(wanted.body), Event)

    law()


@fuzzed
@given(damaged(*good.LAGO, *good.LAGO_BATCH))
def test_lago(body: bytes) -> None:
    one = lago.single(body)
    try:
        raws = [one] if one is not None else lago.batch(body)
    except lago.LagoError:
        return
    for raw in raws:
        json.loads(lago.without_properties(raw).decode(errors="replace"))
        try:
            event = lago.read_event(raw)
            check_all(lago.cloudevents(event))
        except lago.LagoError as error:
            lago.fault(str(error))
            continue
        # What the client is answered with.
        msgspec.json.encode([event.time, event.amount, event.properties])


@fuzzed
@given(damaged(*good.LITELLM))
def test_litellm(body: bytes) -> None:
    try:
        found = litellm.events(body)
    except litellm.LiteLLMError:
        return
    check_all(found)


@fuzzed
@given(damaged(*good.USAGES), st.sampled_from(["", "anthropic", "openai"]))
def test_a_usage_object(body: bytes, provider: str) -> None:
    try:
        usage = msgspec.json.decode(body, type=dict[str, object])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return
    try:
        classes = providers.token_classes(usage, provider)
    except providers.UsageError:
        return
    for count in (classes or {}).values():
        assert type(count) is int
        assert count >= 0


@fuzzed
@given(damaged(*good.DCGM), st.booleans())
def test_dcgm(body: bytes, scraped: bool) -> None:
    try:
        scrapes = dcgm.read_scrapes(body.decode(errors="replace"), NOW if scraped else None)
        check_all(dcgm.events(scrapes))
    except ChipError:
        return


@fuzzed
@given(damaged(*good.OPENCOST))
def test_opencost(body: bytes) -> None:
    try:
        check_all(opencost.events(body, NOW))
    except ChipError:
        return


@fuzzed
@given(damaged(*good.MOONCAKE, *good.AZURE), st.sampled_from([traces.MOONCAKE, traces.AZURE]))
def test_traces(body: bytes, kind: str) -> None:
    lines = body.decode(errors="replace").splitlines(keepends=True)
    try:
        requests = traces.READERS[kind](lines, None)
    except traces.TraceError:
        return
    for request in requests:
        check_all(traces.request_events(request, kind, "m"))
