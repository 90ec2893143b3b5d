"""OTLP trace exports, in protobuf and in JSON, into spans with the attributes that are read here.

Format: https://github.com/open-telemetry/opentelemetry-proto, docs/specification.md. JSON differs
from protobuf's own mapping: ids are hexadecimal, 64-bit integers come as strings or numbers.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

import msgspec
from google.protobuf.message import DecodeError
from msgspec import Struct
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from metering.collectors.genai import ALLOWED, Attributes
from metering.collectors.otlp_bounds import check_json, check_protobuf, check_spans

PROTOBUF, JSON = "application/x-protobuf", "application/json"
# Of a resource: who emitted, and the labels its events bear.
RESOURCE = {
    "service.name": "service",
    "deployment.environment.name": "environment",
    "deployment.environment": "environment",
    "service.version": "version",
}
_ERROR = 2
_NANOSECONDS = 2**64
_IDS = re.compile("[0-9a-f]{32}/[0-9a-f]{16}")
_NO_ID = re.compile("0*")
_NUMBER = re.compile(r'"?(-?[0-9]{1,30}(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?)"?')


class Unreadable(ValueError):
    """A body that is not an export request."""


class Span(NamedTuple):
    """A span: ids in lower-case hexadecimal, times in nanoseconds, 0 when absent."""

    trace: str
    span: str
    parent: str
    name: str
    started: int
    ended: int
    failed: bool
    resource: Mapping[str, str]
    attributes: Attributes

    @property
    def id(self) -> str:
        """The identity of its event."""
        return f"{self.trace}/{self.span}"

    @property
    def has_ids(self) -> bool:
        return bool(_IDS.fullmatch(self.id)) and not (
            _NO_ID.fullmatch(self.trace) or _NO_ID.fullmatch(self.span)
        )


class _Value(Struct, rename="camel"):
    string_value: str | None = None
    int_value: int | str | None = None
    double_value: msgspec.Raw = msgspec.Raw()
    bool_value: bool | None = None


class _Attribute(Struct):
    key: str | None = ""
    value: _Value | None = None


class _Status(Struct):
    code: int | str | None = 0


class _Span(Struct, rename="camel"):
    trace_id: str | None = ""
    span_id: str | None = ""
    parent_span_id: str | None = ""
    name: str | None = ""
    start_time_unix_nano: int | str | None = 0
    end_time_unix_nano: int | str | None = 0
    attributes: list[_Attribute] | None = None
    status: _Status | None = None


class _Resource(Struct):
    attributes: list[_Attribute] | None = None


class _Scope(Struct):
    spans: list[_Span] | None = None


class _ResourceSpans(Struct, rename="camel"):
    resource: _Resource | None = None
    scope_spans: list[_Scope] | None = None


class _Export(Struct, rename="camel"):
    resource_spans: list[_ResourceSpans] | None = None


_DECODER = msgspec.json.Decoder(_Export)


def read_spans(content_type: str, body: bytes) -> list[Span]:
    """The spans of a request of either content type. Raises Unreadable or TooManyEvents."""
    return list(_from_json(body) if content_type == JSON else _from_protobuf(body))


def _from_protobuf(body: bytes) -> Iterator[Span]:
    check_protobuf(body)
    try:
        export = ExportTraceServiceRequest.FromString(body)
    except DecodeError as error:
        raise Unreadable(f"the body is not an ExportTraceServiceRequest: {error}") from None
    check_spans(sum(len(scope.spans) for g in export.resource_spans for scope in g.scope_spans))
    for group in export.resource_spans:
        resource = _resource(_pairs(group.resource.attributes))
        for scope in group.scope_spans:
            for span in scope.spans:
                yield Span(
                    span.trace_id.hex(),
                    span.span_id.hex(),
                    span.parent_span_id.hex(),
                    span.name,
                    span.start_time_unix_nano,
                    span.end_time_unix_nano,
                    span.status.code == _ERROR,
                    resource,
                    _allowed(_pairs(span.attributes)),
                )


def _pairs(attributes: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    for attribute in attributes:
        kind = attribute.value.WhichOneof("value")
        if kind in {"string_value", "int_value", "bool_value"}:
            yield attribute.key, getattr(attribute.value, kind)
        elif kind == "double_value":
            yield attribute.key, _decimal(repr(attribute.value.double_value))


def _from_json(body: bytes) -> Iterator[Span]:
    check_json(body)
    try:
        export = _DECODER.decode(body or b"{}")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unreadable(f"the body is not an ExportTraceServiceRequest: {error}") from None
    for group in export.resource_spans or ():
        resource = _resource(_json_pairs(group.resource.attributes if group.resource else None))
        for scope in group.scope_spans or ():
            for span in scope.spans or ():
                yield _json_span(span, resource)


def _json_span(span: _Span, resource: Mapping[str, str]) -> Span:
    return Span(
        (span.trace_id or "").lower(),
        (span.span_id or "").lower(),
        (span.parent_span_id or "").lower(),
        span.name or "",
        _nanoseconds(span.start_time_unix_nano),
        _nanoseconds(span.end_time_unix_nano),
        span.status is not None and span.status.code in {_ERROR, "STATUS_CODE_ERROR"},
        resource,
        _allowed(_json_pairs(span.attributes)),
    )


def _json_pairs(attributes: Iterable[_Attribute] | None) -> Iterator[tuple[str, Any]]:
    for attribute in attributes or ():
        value = attribute.value or _Value()
        if value.string_value is not None:
            yield attribute.key or "", value.string_value
        elif value.int_value is not None:
            yield attribute.key or "", value.int_value
        elif value.bool_value is not None:
            yield attribute.key or "", value.bool_value
        elif bytes(value.double_value) not in {b"", b"null"}:
            yield attribute.key or "", _decimal(bytes(value.double_value).decode())


def _decimal(value: str) -> Decimal | str:
    """Exact; what is no number stays as it was written, to be refused by name."""
    found = _NUMBER.fullmatch(value)
    try:
        return Decimal(found[1]) if found else value[:64]
    except InvalidOperation:
        return value[:64]


def _nanoseconds(value: int | str | None) -> int:
    number = int(value) if isinstance(value, str) and re.fullmatch("[0-9]{1,20}", value) else value
    if number in {None, ""}:
        return 0
    if not isinstance(number, int) or not 0 <= number < _NANOSECONDS:
        raise Unreadable("the body is not an ExportTraceServiceRequest: a time is not a uint64")
    return number


def _allowed(pairs: Iterable[tuple[str, Any]]) -> Attributes:
    return {key: value for key, value in pairs if key in ALLOWED}


def _resource(pairs: Iterable[tuple[str, Any]]) -> Mapping[str, str]:
    return {RESOURCE[key]: str(value)[:512] for key, value in pairs if key in RESOURCE and value}
