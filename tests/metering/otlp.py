"""Builds OTLP export requests for the tests, in protobuf and JSON."""

import itertools
import json
import secrets
from collections.abc import Iterable, Iterator
from typing import Any

from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

PROTOBUF, JSON = "application/x-protobuf", "application/json"
# 2026-10-05T12:00:00Z in nanoseconds.
NOON = 1_791_201_600_000_000_000
SECOND = 1_000_000_000
_numbers = itertools.count(secrets.randbits(62))


def an_id(size: int = 8) -> bytes:
    return next(_numbers).to_bytes(size, "big")


def make(
    attributes: dict[str, Any],
    trace: bytes | None = None,
    parent: Span | None = None,
    name: str = "span",
    failed: bool = False,
    at: int = NOON,
) -> Span:
    """A span of a second that ends at `at`."""
    span = Span(
        trace_id=parent.trace_id if parent else trace or an_id(16),
        span_id=an_id(),
        parent_span_id=parent.span_id if parent else b"",
        name=name,
        start_time_unix_nano=at - SECOND,
        end_time_unix_nano=at,
    )
    if failed:
        span.status.code = Status.STATUS_CODE_ERROR
    for key, value in attributes.items():
        field = {bool: "bool_value", int: "int_value", float: "double_value"}.get(type(value))
        setattr(span.attributes.add(key=key).value, field or "string_value", value)
    return span


def call(response: str = "", **rest: Any) -> Span:
    """A chat of 100 input tokens, 60 of them read from the cache, and 20 output tokens."""
    attributes: dict[str, Any] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "m",
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.cache_read.input_tokens": 60,
        "gen_ai.usage.output_tokens": 20,
    } | rest.pop("attributes", {})
    if response:
        attributes["gen_ai.response.id"] = response
    return make(attributes, **rest)


def agent(name: str, **rest: Any) -> Span:
    """An agent at work."""
    attributes = {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": name}
    return make(attributes | rest.pop("attributes", {}), name=f"invoke_agent {name}", **rest)


def tool(name: str, **rest: Any) -> Span:
    """A tool at work."""
    return make({"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": name}, **rest)


def event_id(span: Span) -> str:
    return f"{span.trace_id.hex()}/{span.span_id.hex()}"


def export(spans: Iterable[Span], service: str = "agent-svc") -> ExportTraceServiceRequest:
    """One request that holds the spans."""
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    if service:
        resource.resource.attributes.add(key="service.name").value.string_value = service
    resource.scope_spans.add().spans.extend(spans)
    return request


def spans_of(request: ExportTraceServiceRequest) -> Iterator[Any]:
    for resource in request.resource_spans:
        for scope in resource.scope_spans:
            yield from scope.spans


def as_json(request: ExportTraceServiceRequest) -> bytes:
    """OTLP's JSON: protobuf's own mapping, but ids are hexadecimal and enums integers."""
    body = MessageToDict(request, use_integers_for_enums=True)
    originals = spans_of(request)
    for resource in body.get("resourceSpans", []):
        for scope in resource["scopeSpans"]:
            for span in scope["spans"]:
                original = next(originals)
                span["traceId"] = original.trace_id.hex().upper()
                span["spanId"] = original.span_id.hex()
                span["parentSpanId"] = original.parent_span_id.hex()
                span["anUnknownField"] = {"deep": [1, None]}
    return json.dumps(body).encode()


def encode(request: ExportTraceServiceRequest, kind: str = PROTOBUF) -> bytes:
    return as_json(request) if kind == JSON else request.SerializeToString()
