"""What the calls, chips and tools of given tasks came to, and the events of one task."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from metering.clickhouse.calls_query import PricedCallsQuery
from metering.clickhouse.connection import Row, select
from metering.clickhouse.daily_use_query import DailyUse, DailyUseQuery
from metering.clickhouse.event_columns import from_micros, micros
from metering.clickhouse.generations import CURRENT
from metering.clickhouse.ledger_query import TASKS_A_QUERY, in_batches
from metering.clickhouse.scope import Bound, Scope
from metering.usage.calls import PricedCalls
from metering.usage.ledger import TaskLine

Place = tuple[datetime, str, str]


def _hours(lines: Sequence[TaskLine]) -> list[int]:
    return sorted({int(hour.timestamp()) for line in lines for hour in line.hours})


def within(scope: Scope, lines: Sequence[TaskLine]) -> Scope:
    """The scope narrowed to the events of some tasks."""
    return replace(scope, tasks=tuple(line.task for line in lines), hours=tuple(_hours(lines)))


def task_calls(
    scope: Scope, lines: Sequence[TaskLine], names: tuple[str, ...], thresholds: tuple[int, ...]
) -> Iterator[tuple[dict[str, str], PricedCalls]]:
    """The calls of tasks within the scope's period, from the rollups, by task and `names`."""
    if scope.period is None:
        raise ValueError("calls are read for a period")
    for some in in_batches(lines, TASKS_A_QUERY):
        calls = (
            f"SELECT * FROM rollup_calls WHERE {CURRENT} AND toUnixTimestamp(hour) IN %(hours)s"
            " AND task IN %(tasks)s AND time >= fromUnixTimestamp64Micro(%(start)s)"
            " AND time < fromUnixTimestamp64Micro(%(end)s)"
        )
        bound: Bound = scope.params | {
            "hours": _hours(some),
            "tasks": [line.task for line in some],
            "wasted": [line.task for line in some if line.wasted],
        }
        query = PricedCallsQuery(
            calls=calls,
            wasted="SELECT arrayJoin(CAST(%(wasted)s, 'Array(String)')) AS task",
            bound=bound,
            group_by=("task", *names),
            thresholds=thresholds,
        )
        yield from query.rows()


def task_units(
    scope: Scope, lines: Sequence[TaskLine], kind: str, names: tuple[str, ...]
) -> Iterator[DailyUse]:
    """Chip-seconds (`kind` chip) or units (tool) of tasks by task, `names`, what and local day."""
    for some in in_batches(lines, TASKS_A_QUERY):
        query = DailyUseQuery(scope=within(scope, some), kind=kind, group_by=("task", *names))
        yield from query.rows()


class TaskEvent(NamedTuple):
    """An event of a task with what its type has. `data` bears the names of the event's data."""

    time: datetime
    source: str
    id: str
    type: str
    agent: str
    data: dict[str, Any]

    @property
    def place(self) -> Place:
        return self.time, self.source, self.id


_TIMES = ("started_at", "ended_at")
_DATA: dict[str, tuple[str, ...]] = {
    "agent.task": ("status", "parent_task", "session", "fingerprint", *_TIMES),
    "agent.tokens": (
        "provider",
        "model",
        "modality",
        "part",
        "other_prompt_tokens",
        "service_tier",
        "attempt",
        "input_tokens",
        "cache_read_tokens",
        "cache_write_tokens",
        "cache_write_long_tokens",
        "output_tokens",
        "reasoning_tokens",
        "duration_ms",
    ),
    "agent.cache": ("cache", "hit", "saved_tokens", "model"),
    "agent.chip": ("chip", "phase", "region", "count", *_TIMES),
    "agent.tool": ("tool", "status", "units", "duration_ms"),
}
_CUSTOM = ("value",)
_COLUMNS = tuple(dict.fromkeys(name for names in _DATA.values() for name in names)) + _CUSTOM


def task_events(scope: Scope, line: TaskLine, after: Place | None, limit: int) -> list[TaskEvent]:
    """The task's events by (time, source, id), from the one after `after` on."""
    own = within(scope, [line])
    bound = own.params | {"limit": limit}
    where = own.where
    if after:
        bound |= {"after": micros(after[0]), "after_source": after[1], "after_id": after[2]}
        place = "(fromUnixTimestamp64Micro(%(after)s), %(after_source)s, %(after_id)s)"
        # The first half is what the order of the table is searched by.
        where += (
            f" AND time >= fromUnixTimestamp64Micro(%(after)s) AND (time, source, id) > {place}"
        )
    columns = ", ".join(
        f"toUnixTimestamp64Micro({name})" if name in _TIMES else name for name in _COLUMNS
    )
    rows = select(
        f"SELECT toUnixTimestamp64Micro(time), source, id, type, agent, labels, {columns}"
        f" FROM events WHERE {where} ORDER BY time, source, id LIMIT %(limit)s",
        bound,
    )
    return [_event(row) for row in rows]


def _event(row: Row) -> TaskEvent:
    time, source, id_, kind, agent, labels, *rest = row
    values = dict(zip(_COLUMNS, rest, strict=True))
    data = {name: values[name] for name in _DATA.get(kind, _CUSTOM)}
    for name in _TIMES:
        if data.get(name) is not None:
            data[name] = from_micros(data[name])
    shown = {name: value for name, value in data.items() if value not in (None, "")}
    return TaskEvent(from_micros(time), source, id_, kind, agent, shown | {"labels": labels})
