"""CloudEvents as they are taken, described from the structs that decode them, and the answers."""

from typing import Any

import msgspec
from drf_spectacular.utils import OpenApiExample, OpenApiRequest, OpenApiResponse

from metering.collectors.cloudevents import BATCH, JSON, NDJSON, STRUCTURED
from metering.openapi.describe import PROBLEM_JSON, Answers, header, problems
from metering.openapi.foreign import LAGO_ERROR, LAGO_SINGLE, LAGO_STORED
from metering.openapi.schemas import PROBLEM, Schema, component, count, record, text
from metering.usage.event import DATA_TYPES, Custom

_REF = "#/components/schemas/{name}"
# The units and meanings that a field's name does not say.
_MEANINGS = {
    "task": "The task it is part of.",
    "input_tokens": "Uncached only: the four token classes are disjoint.",
    "cache_write_long_tokens": "Of cache_write, those kept an hour or more.",
    "output_tokens": "Reasoning included.",
    "reasoning_tokens": "Of the output.",
    "attempt": "1 is the first.",
    "prefix_blocks": "Hashes of the prompt's prefix blocks, in order.",
    "block_tokens": "Tokens of one block.",
    "fingerprint": "Equal where the same work is asked for again.",
    "saved_tokens": "Tokens that a hit saved.",
    "count": "Chips held.",
    "units": "Units of the tool, where it is billed by more than the call.",
    "value": "What is billed.",
}


def _data_schemas() -> dict[str, Schema]:
    """The `data` of each type, by the name of its struct."""
    types = [*DATA_TYPES.values(), Custom]
    _, found = msgspec.json.schema_components(types, ref_template=_REF)
    for schema in found.values():
        for name, field in schema["properties"].items():
            schema["properties"][name] = _as_taken(field)
            if name in _MEANINGS:
                schema["properties"][name]["description"] = _MEANINGS[name]
    return found


def _as_taken(field: Schema) -> Schema:
    """What the decoder takes, where msgspec describes what its encoder writes."""
    if field.get("format") == "decimal":
        kinds = {"type": ["number", "string"], "minimum": 0, "pattern": r"^[0-9]+(\.[0-9]{1,18})?$"}
        return kinds | {key: value for key, value in field.items() if key == "default"}
    if "anyOf" in field:
        return field | {"anyOf": [_as_taken(kind) for kind in field["anyOf"]]}
    # Every text has a length; what has none is a moment.
    is_moment = field == {"type": "string"}
    return field | {"format": "date-time"} if is_moment else field


_NAME: Schema = {"type": "string", "minLength": 1, "maxLength": 512}


def _event(kind: Schema, data: Schema, title: str, required: tuple[str, ...]) -> Schema:
    return {
        "title": title,
        "type": "object",
        "properties": {
            "specversion": {"const": "1.0"},
            "id": _NAME | {"description": "With `source`, the identity: it counts once, for ever."},
            "source": _NAME | {"description": "Who sends it."},
            "type": kind,
            "subject": {"type": "string", "maxLength": 512, "description": "The agent."},
            "time": {
                "type": "string",
                "format": "date-time",
                "description": "When it happened; when it was received if absent.",
            },
            "datacontenttype": {"type": "string"},
            "data": data,
        },
        "required": ["specversion", "id", "source", "type", "data", *required],
    }


def _events() -> list[Schema]:
    schemas = _data_schemas()
    data = {kind: component(f"{kind}Data", schemas[kind]) for kind in schemas}
    own = [
        _event({"const": name}, data[struct.__name__], name, ("subject",))
        for name, struct in DATA_TYPES.items()
    ]
    custom = {"type": "string", "pattern": r"^custom\..+$", "maxLength": 512}
    return [*own, _event(custom, data["Custom"], "custom.*", ())]


EVENT = component(
    "Event",
    {"description": "A CloudEvent 1.0 (JSON).", "anyOf": _events()},
)
_MANY: Schema = {"type": "array", "items": EVENT}
_EXAMPLE = {
    "specversion": "1.0",
    "id": "call-1",
    "source": "my-gateway",
    "type": "agent.tokens",
    "subject": "my-agent",
    "time": "2026-10-05T12:00:00Z",
    "data": {"model": "qwen-max", "task": "t-1", "input_tokens": 1200, "output_tokens": 80},
}
_LINES: Schema = {"type": "string", "description": "An event a line."}
EVENT_BODIES: dict[str, Any] = {
    STRUCTURED: OpenApiRequest(EVENT, examples=[OpenApiExample("One event", _EXAMPLE)]),
    BATCH: _MANY,
    JSON: {"anyOf": [EVENT, _MANY, LAGO_SINGLE]},
    **dict.fromkeys(NDJSON, _LINES),
}

_REJECTED = record(
    {
        "index": count("Its place in the request, from 0."),
        "id": text("Its id, as far as it could be read."),
        "detail": text("Why, beginning with the field at fault."),
    }
)
_COUNTS: dict[str, Schema] = {
    "accepted": count("Events stored now."),
    "duplicates": count("Events that were there already."),
    "conflicts": count("Of those, the ones with other content; what was first stays."),
    "rejected": {"type": "array", "items": _REJECTED, "description": "Events in quarantine."},
}
REPORT = component("Report", record(_COUNTS, of="What became of the events."))
_PROBLEM_FIELDS: Schema = {
    "type": text("Always about:blank."),
    "title": text("The kind of problem."),
    "status": {"type": "integer"},
    "detail": text("What to change."),
}
_SOME_INVALID = component(
    "SomeInvalid",
    record({**_PROBLEM_FIELDS, **_COUNTS}, of="The valid events are stored, the others are not."),
)

_INVALID: Answers = {
    (400, PROBLEM_JSON): OpenApiResponse(
        {"anyOf": [_SOME_INVALID, PROBLEM]},
        "Some events are invalid: the valid ones are stored, the others in quarantine. Or the body"
        " or a header cannot be read, and nothing is stored.",
    )
}
_STORED = OpenApiResponse(None, "All are stored durably, or were there already.")
_REFUSALS = problems((401, 403, 413, 415, 429, 503))
EVENT_ANSWERS: Answers = {
    204: _STORED,
    (200, JSON): OpenApiResponse(
        {"anyOf": [REPORT, record({"event": LAGO_STORED})]},
        "The same, with the report that `Prefer` asked for; or the answer to Lago's body.",
    ),
    **_INVALID,
    (422, JSON): OpenApiResponse(LAGO_ERROR, "Lago's body with an event that is invalid."),
    **_REFUSALS,
}
LITELLM_ANSWERS: Answers = {
    204: _STORED,
    (200, JSON): OpenApiResponse(REPORT, "The same, with the report that `Prefer` asked for."),
    **_INVALID,
    **_REFUSALS,
}

PREFER = header("Prefer", text("`return=representation` asks for the report instead of 204."))
# Binary mode: attributes are headers and the body is `data`.
EVENT_HEADERS = (
    PREFER,
    header("ce-specversion", text("Binary mode, in which the body is the event's data.", "1.0")),
    *(
        header(f"ce-{name}", text(f"Binary mode: the event's {name}, percent-encoded."))
        for name in ("id", "source", "type", "subject", "time")
    ),
)
