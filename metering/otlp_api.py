"""OTLP/HTTP: traces are billed; metrics and logs are taken, so that exporters do not complain."""

import msgspec
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from metering.collectors.bounds import TooManyEvents
from metering.collectors.otlp import JSON, PROTOBUF, Unreadable, read_spans
from metering.ingest_view import Refusal, ingest_view
from metering.models import Tenant
from metering.openapi.describe import takes
from metering.openapi.foreign import NOT_BILLED, STORED, TRACE_BODIES, UNBILLED_BODIES, otlp_answers
from metering.spans import SpanReport, ingest_spans

# google.rpc.Code for the statuses that are answered.
_CODES = {400: 3, 401: 16, 403: 7, 413: 8, 415: 3, 429: 8, 503: 14}
_UNKNOWN = 2
_MOST_REASONS = 3


def _status(request: HttpRequest, status: int, title: str, detail: str) -> HttpResponse:
    """A refusal as google.rpc.Status, in the content type of the request."""
    code = _CODES.get(status, _UNKNOWN)
    if _kind(request) == PROTOBUF:
        return HttpResponse(_status_message(code, detail), status=status, content_type=PROTOBUF)
    body = msgspec.json.encode({"code": code, "message": detail})
    return HttpResponse(body, status=status, content_type=JSON)


def _status_message(code: int, message: str) -> bytes:
    """google.rpc.Status in protobuf: two fields, not worth a dependency."""
    text = message[:1000].encode(errors="replace")
    return bytes([0x08, code, 0x12]) + _varint(len(text)) + text


def _varint(number: int) -> bytes:
    low, rest = number & 0x7F, number >> 7
    return bytes([low | 0x80]) + _varint(rest) if rest else bytes([low])


def _kind(request: HttpRequest) -> str:
    return (request.content_type or "").strip().lower()


def _checked_kind(request: HttpRequest, body: bytes) -> str:
    # Nothing at all is an empty message, and some clients give nothing no type.
    kind = _kind(request) or ("" if body else PROTOBUF)
    if kind not in {PROTOBUF, JSON}:
        detail = f"Content-Type {kind or '(none)'} is not {PROTOBUF} or {JSON}"
        raise Refusal(415, "Unsupported Media Type", detail)
    return kind


@takes(TRACE_BODIES, otlp_answers(STORED))
@ingest_view(_status)
def post_traces(request: HttpRequest, tenant: Tenant, body: bytes) -> HttpResponseBase:
    """`POST /v1/traces`, and Langfuse's path: OpenTelemetry's spans, by the GenAI conventions."""
    kind = _checked_kind(request, body)
    try:
        spans = read_spans(kind, body)
    except TooManyEvents as error:
        raise Refusal(413, "Content Too Large", str(error)) from None
    except Unreadable as error:
        raise Refusal(400, "Bad Request", str(error)) from None
    return _answer(kind, ingest_spans(tenant, spans))


@takes(UNBILLED_BODIES, otlp_answers(NOT_BILLED))
@ingest_view(_status)
def post_unbilled(request: HttpRequest, tenant: Tenant, body: bytes) -> HttpResponseBase:
    """`POST /v1/metrics`, `/v1/logs`: taken and not billed; what they count is in the spans."""
    return _success(_checked_kind(request, body))


def _success(kind: str) -> HttpResponse:
    return HttpResponse(b"{}" if kind == JSON else b"", content_type=kind)


def _answer(kind: str, report: SpanReport) -> HttpResponse:
    if not report.refused:
        return _success(kind)
    rejected = sum(not refused.unmetered for refused in report.refused)
    message = _reasons(report)
    if kind == JSON:
        partial = {"rejectedSpans": str(rejected), "errorMessage": message}
        return HttpResponse(msgspec.json.encode({"partialSuccess": partial}), content_type=JSON)
    response = ExportTraceServiceResponse()
    response.partial_success.rejected_spans = rejected
    response.partial_success.error_message = message
    return HttpResponse(response.SerializeToString(), content_type=PROTOBUF)


def _reasons(report: SpanReport) -> str:
    """The first few; all of them are in the quarantine."""
    reasons = [f"{refused.id}: {refused.detail}" for refused in report.refused[:_MOST_REASONS]]
    more = len(report.refused) - len(reasons)
    return "; ".join(reasons) + (f"; and {more} more" if more else "")
