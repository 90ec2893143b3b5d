"""What to paste into a client so that it sends to this installation."""

from dataclasses import dataclass
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class Example:
    """A client and what to paste."""

    name: str
    note: str
    text: str


def examples(base: str, key: str, now: str) -> list[Example]:
    """For each way in; `base` is this installation's address without a slash at its end."""
    return [
        Example(
            "curl",
            "Answers 204 when the event is stored, or was there already.",
            _CURL.format(base=base, key=key, now=now),
        ),
        Example(
            "OpenTelemetry",
            "Any exporter; spans of model calls, tools and agents by the GenAI conventions.",
            _OTEL.format(base=base, key=quote(f"Bearer {key}")),
        ),
        Example(
            "OpenMeter's client",
            "Python; those of other languages take the same two values.",
            _OPENMETER.format(base=base, key=key, now=now),
        ),
        Example(
            "LiteLLM",
            "In its configuration; agent and task are agent_id and task in a request's metadata.",
            _LITELLM.format(base=base, key=key),
        ),
    ]


_CURL = """\
curl -i {base}/api/v1/events \\
  -H "Authorization: Bearer {key}" \\
  -H "Content-Type: application/cloudevents+json" \\
  -d '{{"specversion": "1.0", "id": "call-1", "source": "my-agents", "type": "agent.tokens",
       "subject": "support-triage", "time": "{now}",
       "data": {{"task": "task-1", "model": "qwen-max",
                "input_tokens": 1200, "output_tokens": 80}}}}'"""

_OTEL = """\
export OTEL_EXPORTER_OTLP_ENDPOINT={base}
export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf
export OTEL_EXPORTER_OTLP_HEADERS="Authorization={key}\""""

_OPENMETER = """\
from openmeter import Client

with Client(endpoint="{base}", token="{key}") as client:
    client.events.ingest_event({{
        "specversion": "1.0", "id": "call-1", "source": "my-agents", "type": "agent.tokens",
        "subject": "support-triage", "time": "{now}",
        "data": {{"task": "task-1", "model": "qwen-max",
                 "input_tokens": 1200, "output_tokens": 80}},
    }})"""

_LITELLM = """\
litellm_settings:
  callbacks: ["daybook"]
callback_settings:
  daybook:
    callback_type: generic_api
    endpoint: {base}/api/v1/litellm
    headers:
      Authorization: Bearer {key}"""
