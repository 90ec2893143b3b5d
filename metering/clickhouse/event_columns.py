"""How an event becomes columns of the table `events`: the only place that knows both sides."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

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


COMMON_COLUMNS = (
    "tenant",
    "commit",
    "type",
    "time",
    "source",
    "id",
    "identity",
    "content",
    "agent",
    "task",
    "labels",
)


def common_values(tenant: int, commit: int, event: Event, identity: int, content: int) -> list[Any]:
    """The values of COMMON_COLUMNS."""
    return [
        tenant,
        commit,
        event.type,
        micros(event.time),
        event.source,
        event.id,
        identity,
        content,
        event.agent,
        event.data.task,
        event.data.labels,
    ]


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


def data_columns(kind: type[Data]) -> tuple[str, ...]:
    """The names of the columns that this kind of data fills."""
    return tuple(_COLUMNS[kind])


def data_values(data: Data) -> list[Any]:
    """The values of `data_columns(type(data))`, in its order."""
    return [
        getattr(data, name) if convert is None else convert(data)
        for name, convert in _COLUMNS[type(data)].items()
    ]
