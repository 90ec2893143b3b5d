"""The bodies of other products' clients as they are taken, and the answers those clients read."""

from typing import Any

from drf_spectacular.utils import OpenApiResponse

from metering.collectors.lago import MOST_EVENTS
from metering.collectors.otlp import JSON, PROTOBUF
from metering.openapi.describe import REASONS, Answers
from metering.openapi.schemas import Schema, component, nullable, record, text, texts

_EXACT_NUMBER: Schema = {"type": ["number", "string", "null"]}
LAGO_EVENT = component(
    "LagoEvent",
    {
        "type": "object",
        "description": "An event of Lago's API.",
        "properties": {
            "transaction_id": text("With the subscription, the identity: it counts once."),
            "external_subscription_id": text("Whose it is; the agent unless properties say."),
            "code": text("`agent.*` names a type of ours, any other becomes custom.CODE."),
            "timestamp": _EXACT_NUMBER | {"description": "Seconds since 1970; now when absent."},
            "precise_total_amount_cents": _EXACT_NUMBER | {"description": "Measured as well."},
            "properties": {
                "type": ["object", "null"],
                "description": "The data of an `agent.*`; else `value`, numbers and labels.",
            },
        },
    },
)
LAGO_SINGLE: Schema = {
    "type": "object",
    "properties": {"event": LAGO_EVENT},
    "required": ["event"],
}
LAGO_BATCH: Schema = {
    "type": "object",
    "properties": {
        "events": {"type": "array", "items": LAGO_EVENT, "minItems": 1, "maxItems": MOST_EVENTS}
    },
    "required": ["events"],
}
LAGO_STORED = component(
    "LagoStored",
    record(
        {
            "lago_id": {"type": "null"},
            "transaction_id": text("As sent."),
            "lago_customer_id": {"type": "null"},
            "lago_subscription_id": {"type": "null"},
            "external_subscription_id": text("As sent."),
            "code": text("As sent."),
            "timestamp": {"type": "string", "format": "date-time"},
            "precise_total_amount_cents": nullable(text("As sent.")),
            "properties": {"type": "object"},
            "created_at": {"type": "string", "format": "date-time"},
        },
        of="An event that is stored durably, or was there already.",
    ),
)
_MESSAGES: Schema = {"type": "object", "additionalProperties": texts("What is wrong with it.")}
LAGO_ERROR = component(
    "LagoError",
    {
        "type": "object",
        "description": "As Lago words it. Of a batch, `error_details` names events by their place.",
        "properties": {
            "status": {"type": "integer"},
            "error": {"type": "string"},
            "code": {"const": "validation_errors"},
            "error_details": {
                "anyOf": [
                    {"type": "string"},
                    _MESSAGES,
                    {"type": "object", "additionalProperties": _MESSAGES},
                ]
            },
        },
        "required": ["status", "error", "error_details"],
        "additionalProperties": False,
    },
)
_REFUSED = (400, 401, 403, 413, 415, 429, 503)
LAGO_BATCH_ANSWERS: Answers = {
    (200, JSON): record({"events": {"type": "array", "items": LAGO_STORED}}),
    (422, JSON): OpenApiResponse(
        LAGO_ERROR, "Some events are invalid: those it names; the others are stored."
    ),
    **{(status, JSON): OpenApiResponse(LAGO_ERROR, REASONS[status]) for status in _REFUSED},
}

_METADATA: Schema = {"type": ["object", "null"]}
LITELLM_PAYLOAD = component(
    "LiteLLMPayload",
    {
        "type": "object",
        "description": "LiteLLM's StandardLoggingPayload. Messages and answers are not read.",
        "properties": {
            "id": nullable(text("The identity, without a call id.")),
            "litellm_call_id": nullable(text("The identity: a call counts once.")),
            "status": text("`failure` without usage is unmetered, and no fault."),
            "call_type": text("Not billed by."),
            "cache_hit": {"type": ["boolean", "null"], "description": "An `agent.cache`."},
            "custom_llm_provider": nullable(text("The provider.")),
            "model": text("The model, with or without its provider before it."),
            "startTime": {"type": ["number", "string", "null"], "description": "Seconds."},
            "endTime": {"type": ["number", "string", "null"], "description": "Seconds."},
            "prompt_tokens": {"type": ["integer", "null"]},
            "completion_tokens": {"type": ["integer", "null"]},
            "end_user": nullable(text("The agent, where the caller names none.")),
            "metadata": _METADATA | {"description": "The caller's, and the usage object."},
            "model_parameters": _METADATA | {"description": "Of these the service tier."},
        },
    },
)
_PAYLOAD_LINES: Schema = {"type": "string", "description": "A payload a line."}
LITELLM_BODIES: dict[str, Any] = {
    JSON: {"anyOf": [{"type": "array", "items": LITELLM_PAYLOAD}, LITELLM_PAYLOAD]},
    "application/x-ndjson": _PAYLOAD_LINES,
}

_WIRE = {"type": "string", "format": "binary"}
_OTLP = "https://github.com/open-telemetry/opentelemetry-proto"


_SPANS: Schema = {
    "type": "object",
    "description": f"An ExportTraceServiceRequest in OTLP's JSON, ids in hexadecimal: {_OTLP}",
    "properties": {"resourceSpans": {"type": ["array", "null"], "items": {"type": "object"}}},
}
_ANYTHING: Schema = {"description": "It is not looked at."}


STATUS = component(
    "Status",
    record(
        {
            "code": {"type": "integer", "description": "A google.rpc.Code."},
            "message": text("What to change."),
        },
        of="google.rpc.Status.",
    ),
)
_PARTIAL = component(
    "ExportTraceServiceResponse",
    record(
        {
            "partialSuccess": record(
                {
                    "rejectedSpans": {"type": "string", "pattern": "^[0-9]+$"},
                    "errorMessage": text("Why; all of them are in the quarantine."),
                }
            )
        },
        optional=("partialSuccess",),
    ),
)
STORED = "Stored durably. Spans that cannot be counted are in the quarantine, and named."
NOT_BILLED = "Taken, so that exporters do not complain; not kept."


TRACE_BODIES: dict[str, Any] = {PROTOBUF: _WIRE, JSON: _SPANS}
UNBILLED_BODIES: dict[str, Any] = {PROTOBUF: _WIRE, JSON: _ANYTHING}


def otlp_answers(taken: str) -> Answers:
    """What OTLP's specification says to answer, in the content type of the request."""
    answers: Answers = {
        (200, JSON): OpenApiResponse(_PARTIAL, taken),
        (200, PROTOBUF): OpenApiResponse(_WIRE, taken),
    }
    for status in _REFUSED:
        answers[status, JSON] = OpenApiResponse(STATUS, REASONS[status])
        answers[status, PROTOBUF] = OpenApiResponse(_WIRE, REASONS[status])
    return answers
