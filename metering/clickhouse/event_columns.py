"""How an event becomes columns of the table `events`: the only place that knows both sides."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Any, NamedTuple

from metering.usage.event import Cache, Chip, Custom, Data, Event, Task, Tokens, Tool

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def micros(time: datetime) -> int:
    """Microseconds since the epoch: what a DateTime64(6) is, and quicker to write."""
    return (time - EPOCH) // _MICROSECOND


def from_micros(value: int) -> datetime:
    """The reverse of `micros`, in UTC."""
    return EPOCH + timedelta(microseconds=value)


def _optional_micros(time: datetime | None) -> int | None:
    return None if time is None else micros(time)


class Numbered(NamedTuple):
    """An event with the two digests that are stored beside it."""

    event: Event
    identity: int
    content: int


# For each kind of data the columns it fills, and how. All others keep their defaults.
_SAME = None
_COLUMNS: dict[type[Data], dict[str, Callable[[Any], Any] | None]] = {
    Task: {
        "status": _SAME,
        "started_at": lambda data: _optional_micros(data.started_at),
        "ended_at": lambda data: _optional_micros(data.ended_at),
        "parent_task": _SAME,
        "session": _SAME,
        "fingerprint": _SAME,
    },
    Tokens: {
        "provider": _SAME,
        "model": _SAME,
        "modality": _SAME,
        "part": _SAME,
        "other_prompt_tokens": _SAME,
        "service_tier": _SAME,
        "attempt": _SAME,
        "input_tokens": _SAME,
        "cache_read_tokens": _SAME,
        "cache_write_tokens": _SAME,
        "cache_write_long_tokens": _SAME,
        "output_tokens": _SAME,
        "reasoning_tokens": _SAME,
        "prefix_blocks": lambda data: [str(block) for block in data.prefix_blocks],
        "block_tokens": _SAME,
        "duration_ms": _SAME,
    },
    Cache: {"cache": _SAME, "hit": _SAME, "saved_tokens": _SAME, "model": _SAME},
    Chip: {
        "chip": _SAME,
        "phase": _SAME,
        "region": _SAME,
        "count": _SAME,
        "started_at": lambda data: micros(data.started_at),
        "ended_at": lambda data: micros(data.ended_at),
    },
    Tool: {"tool": _SAME, "status": _SAME, "units": _SAME, "duration_ms": _SAME},
    Custom: {"value": _SAME},
}


def event_columns(
    tenant: int, commit: int, kind: type[Data], rows: Sequence[Numbered]
) -> dict[str, list[Any]]:
    """Events of one kind of data as the columns they fill, by name.

    Column by column rather than row by row: this is run for every event that comes in.
    """
    events = [row.event for row in rows]
    data = [event.data for event in events]
    common: dict[str, list[Any]] = {
        "tenant": [tenant] * len(rows),
        "commit": [commit] * len(rows),
        "type": [event.type for event in events],
        "time": [micros(event.time) for event in events],
        "source": [event.source for event in events],
        "id": [event.id for event in events],
        "identity": [row.identity for row in rows],
        "content": [row.content for row in rows],
        "agent": [event.agent for event in events],
        "task": [one.task for one in data],
        "labels": [one.labels for one in data],
    }
    return common | {
        name: list(map(convert or attrgetter(name), data))
        for name, convert in _COLUMNS[kind].items()
    }
