"""How an event becomes columns of the table `events`: the only place that knows both sides."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import Struct
from msgspec.structs import astuple

from metering.usage.event import Chip, Data, Event, Task, Tokens

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


class Numbered(Struct, frozen=True, gc=False):
    """An event with the two digests that are stored beside it."""

    event: Event
    identity: int
    content: int

    @property
    def key(self) -> tuple[str, str]:
        """The identity itself, within a tenant."""
        return self.event.source, self.event.id


def numbered(events: Iterable[Event]) -> list[Numbered]:
    """Each event with its digests."""
    return [Numbered(event, event.identity, event.content) for event in events]


# A field of an event's data fills the column of its name; these not as they are.
_CONVERSIONS: dict[type[Data], dict[str, Callable[[Any], Any]]] = {
    Task: {"started_at": _optional_micros, "ended_at": _optional_micros},
    Tokens: {"prefix_blocks": lambda blocks: [str(block) for block in blocks]},
    Chip: {"started_at": micros, "ended_at": micros},
}

_NULLABLE = frozenset({"started_at", "ended_at", "duration_ms"})


def event_columns(
    tenant: int, commit: int, kind: type[Data], rows: Sequence[Numbered]
) -> dict[str, list[Any]]:
    """Events of one kind of data as the columns they fill, by name.

    Column by column rather than row by row: this is run for every event that comes in. A column
    of zeros and empty texts is left out, for that is what the table fills in, where it does not
    fill in NULL.
    """
    events = [row.event for row in rows]
    columns: dict[str, list[Any]] = {
        "tenant": [tenant] * len(rows),
        "commit": [commit] * len(rows),
        "type": [event.type for event in events],
        "time": [micros(event.time) for event in events],
        "source": [event.source for event in events],
        "id": [event.id for event in events],
        "identity": [row.identity for row in rows],
        "content": [row.content for row in rows],
        "agent": [event.agent for event in events],
    }
    conversions = _CONVERSIONS.get(kind, {})
    data = zip(*(astuple(event.data) for event in events), strict=True)
    for name, values in zip(kind.__struct_fields__, data, strict=True):
        if any(values) or name in _NULLABLE:
            convert = conversions.get(name)
            columns[name] = [convert(value) for value in values] if convert else list(values)
    return columns
