"""What real exporters sent, posted as it was: each call counts once, in disjoint classes."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
)

from metering import queries
from metering.clickhouse.connection import select
from metering.models import Tenant
from metering.usage.period import month_period

URL = "/v1/traces"
PROTOBUF, JSON = "application/x-protobuf", "application/json"
NOVEMBER = month_period("2026-11", "UTC")

Api = Callable[[Tenant], Client]
Shared = Callable[[str], Path]

# input, cache read, cache write, output; from the README of the captures.
CHAT = (176, 1024, 0, 300)  # 1200 - 1024; 300 of which 128 reasoning
RESPONSES = (464, 1536, 0, 400)  # 2000 - 1536
ANTHROPIC = (50, 2000, 1000, 77)  # 3050 - 2000 - 1000
EMBEDDING = (8, 0, 0, 0)

EXPECTED = {
    "anthropic-sdk-2.12.0-native-plus-genai-anthropic-1.3b0": [ANTHROPIC],
    "langfuse-5.0.4": [CHAT],
    "openllmetry-openai-0.62.4": [CHAT, CHAT, EMBEDDING, RESPONSES],
    "otel-genai-openai-1.3b0": [CHAT, CHAT, EMBEDDING, RESPONSES],
    "otel-genai-openai-agents-1.3b0": [RESPONSES, RESPONSES],
}
UNMETERED = {"openllmetry-openai-0.62.4": 2, "otel-genai-openai-1.3b0": 2}


def requests_in(folder: Path) -> list[ExportTraceServiceRequest]:
    """The folder's trace requests; the fake server's constant response ids made each its own.

    Only the Anthropic spans keep theirs: they are one call.
    """
    requests = []
    for path in sorted(folder.glob("*traces.pb")):
        request = ExportTraceServiceRequest.FromString(path.read_bytes())
        for number, span in enumerate(spans_of(request)):
            for attribute in span.attributes:
                if attribute.key == "gen_ai.response.id" and "anthropic" not in folder.name:
                    attribute.value.string_value += f"-{number}"
        requests.append(request)
    return requests


def spans_of(request: ExportTraceServiceRequest) -> Iterator[Any]:
    for resource in request.resource_spans:
        for scope in resource.scope_spans:
            yield from scope.spans


def as_json(request: ExportTraceServiceRequest) -> bytes:
    """OTLP's JSON: protobuf's own mapping, but ids are hexadecimal and enums integers."""
    export = MessageToDict(request, use_integers_for_enums=True)
    originals = spans_of(request)
    for resource in export["resourceSpans"]:
        for scope in resource["scopeSpans"]:
            for span in scope["spans"]:
                original = next(originals)
                span["traceId"] = original.trace_id.hex().upper()
                span["spanId"] = original.span_id.hex()
                span["parentSpanId"] = original.parent_span_id.hex()
                span["anUnknownField"] = {"deep": [1, None]}
    return json.dumps(export).encode()


def post(client: Client, request: ExportTraceServiceRequest, kind: str = PROTOBUF) -> Any:
    body = as_json(request) if kind == JSON else request.SerializeToString()
    return client.post(URL, body, content_type=kind)


def calls_of(tenant: Tenant) -> list[tuple[int, ...]]:
    """The classes of each call that counts."""
    rows = select(
        "SELECT input_tokens, cache_read_tokens, cache_write_tokens, output_tokens FROM events"
        " WHERE tenant = %(tenant)s AND type = 'agent.tokens' AND (identity, commit) NOT IN ("
        " SELECT identity, commit FROM superseded UNION ALL SELECT identity, commit FROM amended)"
        " ORDER BY model, input_tokens, cache_read_tokens",
        {"tenant": tenant.pk},
    )
    return sorted(rows)


@pytest.mark.parametrize("kind", [PROTOBUF, JSON])
@pytest.mark.parametrize("name", EXPECTED)
def test_a_capture_is_counted_once_in_disjoint_classes(
    name: str, kind: str, tenant: Tenant, api: Api, shared: Shared
) -> None:
    client = api(tenant)
    for request in requests_in(shared("captures") / name):
        answer = post(client, request, kind)
        assert (answer.status_code, answer["Content-Type"]) == (200, kind)
    assert calls_of(tenant) == sorted(EXPECTED[name])
    [row] = queries.usage(tenant, NOVEMBER)
    assert row.requests == len(EXPECTED[name])
    kept = queries.quarantined(tenant, 10)
    assert len([row for row in kept if row.detail.startswith("unmetered:")]) == UNMETERED.get(
        name, 0
    )
    assert len(kept) == UNMETERED.get(name, 0)
