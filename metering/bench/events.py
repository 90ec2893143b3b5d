"""Events as an agent platform would report them, numbered, so that no two are the same."""

from datetime import UTC, datetime, timedelta

import msgspec

BATCH = 1_000
SINGLE_TYPE = "application/cloudevents+json"
BATCH_TYPE = "application/cloudevents-batch+json"
START = datetime(2026, 10, 1, tzinfo=UTC)


def batch(number: int, source: str) -> bytes:
    """The body of a batch of a thousand events."""
    first = number * BATCH
    return msgspec.json.encode([event(first + place, source) for place in range(BATCH)])


def single(number: int, source: str) -> bytes:
    """The body of one event."""
    return msgspec.json.encode(event(number, source))


def event(number: int, source: str) -> dict[str, object]:
    """A model call."""
    return {
        "specversion": "1.0",
        "id": f"call-{number:012}",
        "source": source,
        "type": "agent.tokens",
        "subject": f"agent-{number % 500:03}",
        "time": START + timedelta(milliseconds=37 * number),
        "data": {
            "task": f"task-{number // 4}",
            "provider": "anthropic",
            "model": "claude-sonnet",
            "input_tokens": number % 4000,
            "cache_read_tokens": number % 9000,
            "output_tokens": number % 700,
            "duration_ms": number % 5000,
            "labels": {"team": f"team-{number % 12}"},
        },
    }
