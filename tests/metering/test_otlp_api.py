"""`POST /v1/traces`: what is answered, in which content type, to whom."""

import base64
import gzip
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from google.protobuf.message import DecodeError
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped] # has no stubs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from pytest_django import Settings

from metering import queries
from metering.api_keys import create_api_key
from metering.collectors.otlp import Unreadable, read_spans
from metering.collectors.span_events import stage
from metering.models import ApiKey, Tenant
from metering.usage.period import month_period
from tests.metering.otlp import JSON, PROTOBUF, call, encode, event_id, export, make

URL, LANGFUSE = "/v1/traces", "/api/public/otel/v1/traces"
OCTOBER = month_period("2026-10", "UTC")
NOW = datetime(2026, 11, 24, tzinfo=UTC)
KINDS = pytest.mark.parametrize("kind", [PROTOBUF, JSON])

Api = Callable[[Tenant], Client]


def requests_of(tenant: Tenant) -> int:
    return queries.usage(tenant, OCTOBER)[0].requests


def code_of(answer: Any, kind: str) -> tuple[int, bool]:
    """The code of the google.rpc.Status in the body, and whether it says anything."""
    assert answer["Content-Type"] == kind
    if kind == JSON:
        return answer.json()["code"], bool(answer.json()["message"])
    status = Status.FromString(answer.content)
    return status.code, bool(status.message)


@KINDS
def test_a_full_success_is_an_empty_response(kind: str, tenant: Tenant, api: Api) -> None:
    client = api(tenant)
    empty = b"{}" if kind == JSON else b""
    zipped = gzip.compress(encode(export([call()]), kind))
    answers = [
        client.post(URL, encode(export([call()]), kind), content_type=kind),
        client.post(LANGFUSE, encode(export([call()]), kind), content_type=kind),
        client.post(URL, zipped, content_type=kind, headers={"Content-Encoding": "gzip"}),
        client.post(URL, empty, content_type=kind),
        client.post(URL, encode(export([make({"http.route": "/"})]), kind), content_type=kind),
    ]
    assert [(a.status_code, a["Content-Type"], a.content) for a in answers] == [
        (200, kind, empty)
    ] * 5
    assert requests_of(tenant) == 3


def test_the_key_may_be_the_password_as_with_langfuse(tenant: Tenant, client: Client) -> None:
    pair = base64.b64encode(f"pk-lf-1:{create_api_key(tenant)}".encode()).decode()
    headers = {"Authorization": f"Basic {pair}", "x-langfuse-ingestion-version": "4"}
    body = encode(export([call()]))
    answer = client.post(LANGFUSE, body, content_type=PROTOBUF, headers=headers)
    assert answer.status_code == 200
    assert requests_of(tenant) == 1


@KINDS
def test_refusals_have_a_status_in_the_content_type_of_the_request(
    kind: str, tenant: Tenant, api: Api, client: Client, settings: Settings
) -> None:
    body = encode(export([call()]), kind)
    reader = Client(
        headers={"Authorization": f"Bearer {create_api_key(tenant, scopes=[ApiKey.READ])}"}
    )
    nobody = client.post(URL, body, content_type=kind)
    assert (nobody.status_code, code_of(nobody, kind)) == (401, (16, True))
    assert "WWW-Authenticate" in nobody
    wrong = reader.post(URL, body, content_type=kind)
    assert (wrong.status_code, code_of(wrong, kind)) == (403, (7, True))
    sender = api(tenant)
    broken = sender.post(URL, body[:-3], content_type=kind)
    assert (broken.status_code, code_of(broken, kind)) == (400, (3, True))
    packed = sender.post(URL, body, content_type=kind, headers={"Content-Encoding": "br"})
    assert (packed.status_code, code_of(packed, kind)) == (415, (3, True))
    settings.INGEST_MAX_BODY_BYTES = len(body) - 1
    large = sender.post(URL, body, content_type=kind)
    assert (large.status_code, code_of(large, kind)) == (413, (8, True))
    assert requests_of(tenant) == 0


def test_another_content_type_is_415(tenant: Tenant, api: Api) -> None:
    for path in (URL, "/v1/metrics"):
        answer = api(tenant).post(path, b"x", content_type="text/plain")
        assert (answer.status_code, code_of(answer, JSON)) == (415, (3, True))
    assert api(tenant).get(URL).status_code == 405


@KINDS
@pytest.mark.usefixtures("store_down")
def test_a_store_that_is_down_is_503_and_worth_another_try(
    kind: str, tenant: Tenant, api: Api
) -> None:
    answer = api(tenant).post(URL, encode(export([call()]), kind), content_type=kind)
    assert (answer.status_code, code_of(answer, kind)) == (503, (14, True))
    assert int(answer["Retry-After"]) > 0


@KINDS
def test_what_cannot_be_counted_is_said_and_the_rest_is_stored(
    kind: str, tenant: Tenant, api: Api
) -> None:
    exclusive = {
        "gen_ai.usage.input_tokens": 50,
        "gen_ai.usage.cache_read.input_tokens": 2000,
        "gen_ai.usage.cache_write.input_tokens": 1000,
    }
    negative, silent = call(attributes=exclusive), call()
    del silent.attributes[3:]
    body = encode(export([call(), negative, silent]), kind)
    client = api(tenant)
    for _ in range(2):
        answer = client.post(URL, body, content_type=kind)
        assert (answer.status_code, answer["Content-Type"]) == (200, kind)
        rejected, message = partial(answer, kind)
        assert rejected == 1
        assert "data.input_tokens" in message
        assert "unmetered:" in message
    assert requests_of(tenant) == 1
    details = {row.id: row.detail.partition(":")[0] for row in queries.quarantined(tenant, 10)}
    assert details == {event_id(negative): "data.input_tokens", event_id(silent): "unmetered"}


@KINDS
def test_unmetered_alone_is_a_warning(kind: str, tenant: Tenant, api: Api) -> None:
    silent = call()
    del silent.attributes[3:]
    answer = api(tenant).post(URL, encode(export([silent]), kind), content_type=kind)
    rejected, message = partial(answer, kind)
    assert rejected == 0
    assert "unmetered:" in message


def partial(answer: Any, kind: str) -> tuple[int, str]:
    if kind == JSON:
        found = answer.json()["partialSuccess"]
        return int(found["rejectedSpans"]), found["errorMessage"]
    success = ExportTraceServiceResponse.FromString(answer.content).partial_success
    return success.rejected_spans, success.error_message


def test_a_call_without_ids_or_from_tomorrow_is_quarantined(tenant: Tenant, api: Api) -> None:
    nameless, early = call(), call(at=2_000_000_000_000_000_000)
    nameless.span_id = b"\0" * 8
    answer = api(tenant).post(URL, encode(export([nameless, early])), content_type=PROTOBUF)
    assert partial(answer, PROTOBUF)[0] == 2
    assert sorted(row.detail[:5] for row in queries.quarantined(tenant, 10)) == ["id: t", "time:"]


def test_metrics_and_logs_are_taken_and_not_billed(tenant: Tenant, api: Api) -> None:
    client = api(tenant)
    for prefix in ("", "/api/public/otel"):
        for signal in ("metrics", "logs"):
            for kind, empty in ((PROTOBUF, b""), (JSON, b"{}")):
                answer = client.post(f"{prefix}/v1/{signal}", b"{}", content_type=kind)
                assert (answer.status_code, answer.content) == (200, empty)
    assert Client().post("/v1/metrics", b"", content_type=PROTOBUF).status_code == 401


def test_numbers_and_times_may_be_strings_or_numbers(tenant: Tenant, api: Api) -> None:
    request = json.loads(encode(export([call(), call()]), JSON))
    spans = request["resourceSpans"][0]["scopeSpans"][0]["spans"]
    spans[0]["startTimeUnixNano"] = int(spans[0]["startTimeUnixNano"])
    for attribute in spans[0]["attributes"]:
        if "intValue" in attribute["value"]:
            attribute["value"]["intValue"] = int(attribute["value"]["intValue"])
    for attribute in spans[1]["attributes"]:
        if "intValue" in attribute["value"]:
            attribute["value"] = {"doubleValue": float(attribute["value"]["intValue"])}
    answer = api(tenant).post(URL, json.dumps(request).encode(), content_type=JSON)
    assert answer.content == b"{}"
    [row] = queries.usage(tenant, OCTOBER)
    assert (row.requests, row.input_tokens, row.output_tokens) == (2, 80, 40)


NASTY = [
    b"\xff" * 100,
    b"[" * 100_000,
    b'{"resourceSpans":' + b"[" * 100_000,
    b'{"resourceSpans": 1}',
    b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"startTimeUnixNano": "x"}]}]}]}',
    b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"startTimeUnixNano": -1}]}]}]}',
    b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"startTimeUnixNano": 1e400}]}]}]}',
    b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "\\ud800"}]}]}]}',
    b"null",
    b"\x0a\x80\x80\x80\x80\x08" + b"\0" * 20,
]


@pytest.mark.parametrize("body", NASTY, ids=range(len(NASTY)))
def test_nasty_bodies_are_400_in_both_readings(body: bytes, tenant: Tenant, api: Api) -> None:
    client = api(tenant)
    answers = [(client.post(URL, body, content_type=kind), kind) for kind in (PROTOBUF, JSON)]
    for answer, kind in answers:
        assert answer.status_code == 400
        assert code_of(answer, kind) == (3, True)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9) | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
names = st.sampled_from(
    (
        "gen_ai.operation.name",
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.cache_read.input_tokens",
        "gen_ai.response.model",
        "gen_ai.response.id",
        "langfuse.observation.usage_details",
        "prompt",
    )
)
texts = st.sampled_from(["chat", "12", "1e999", "NaN", '{"input": 1e9}', '{"input": -1}', "\0", ""])
attributes = st.fixed_dictionaries(
    {
        "key": names | values,
        "value": st.fixed_dictionaries(
            {},
            optional={
                "stringValue": texts | values,
                "intValue": st.integers() | texts | values,
                "doubleValue": texts | values,
                "boolValue": st.booleans(),
            },
        ),
    }
)
spans = st.fixed_dictionaries(
    {"traceId": st.sampled_from(["ab" * 16, "", "xy"]) | values},
    optional={
        "spanId": st.sampled_from(["cd" * 8, "CD" * 8]) | values,
        "parentSpanId": st.sampled_from(["cd" * 8, ""]) | values,
        "name": st.text(max_size=9),
        "startTimeUnixNano": st.integers(0, 2**64) | texts | values,
        "endTimeUnixNano": st.integers(0, 2**64 - 1),
        "status": st.fixed_dictionaries({}, optional={"code": st.integers() | values}),
        "attributes": st.lists(attributes, max_size=6),
    },
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(body=st.binary(min_size=1, max_size=200), found=st.lists(spans, max_size=3))
def test_anything_at_all_is_taken_or_refused_and_never_an_error(
    body: bytes, found: list[Any], tenant: Tenant, api: Api
) -> None:
    client = api(tenant)
    document = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": found}]}]}).encode()
    for kind, sent in ((PROTOBUF, body), (JSON, body), (JSON, document)):
        answer = client.post(URL, sent, content_type=kind)
        assert answer.status_code in {200, 400}
        assert answer["Content-Type"] == kind
        if answer.status_code == 400:
            assert code_of(answer, kind) == (3, True)


@settings(max_examples=500, deadline=None)
@given(place=st.integers(0, 400), byte=st.integers(0, 255))
def test_a_damaged_export_is_read_or_refused(place: int, byte: int) -> None:
    whole = bytearray(encode(export([call("r")])))
    whole[place % len(whole)] = byte
    try:
        ExportTraceServiceRequest.FromString(bytes(whole))
    except DecodeError:
        with pytest.raises(Unreadable):
            read_spans(PROTOBUF, bytes(whole))
    else:
        for span in read_spans(PROTOBUF, bytes(whole)):
            stage(span, NOW)


def test_answers_hold_no_more_than_a_few_reasons(tenant: Tenant, api: Api) -> None:
    many = [call(attributes={"gen_ai.usage.input_tokens": 1}) for _ in range(50)]
    answer = api(tenant).post(URL, encode(export(many)), content_type=PROTOBUF)
    rejected, message = partial(answer, PROTOBUF)
    assert rejected == 50
    assert message.endswith("and 47 more")
    assert len(message) < 1000
