"""The events behind a number, a page at a time."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from metering.clickhouse.connection import select
from metering.clickhouse.event_columns import from_micros, micros
from metering.clickhouse.scope import Scope, dimension_sql

Place = tuple[datetime, str, str]  # (time, source, id): a total order


class EventRow(NamedTuple):
    """An event as evidence: where and when it stands, and whose it is."""

    time: datetime
    source: str
    id: str
    type: str
    agent: str
    task: str


def evidence(
    scope: Scope, filters: Sequence[tuple[str, Sequence[str]]], after: Place | None, limit: int
) -> list[EventRow]:
    """Events of the scope that match every filter, from the one after `after` on."""
    bound = scope.params | {"limit": limit}
    conditions = [scope.where]
    for number, (name, allowed) in enumerate(filters):
        bound[f"allowed_{number}"] = list(allowed) or [""]
        conditions.append(f"{dimension_sql(name, number, bound)} IN %(allowed_{number})s")
    if after:
        bound |= {"after": micros(after[0]), "after_source": after[1], "after_id": after[2]}
        conditions.append(
            "(time, source, id) >"
            " (fromUnixTimestamp64Micro(%(after)s), %(after_source)s, %(after_id)s)"
        )
    rows = select(
        "SELECT toUnixTimestamp64Micro(time), source, id, type, agent, task FROM events"
        f" WHERE {' AND '.join(conditions)} ORDER BY time, source, id LIMIT %(limit)s",
        bound,
    )
    return [EventRow(from_micros(row[0]), *row[1:]) for row in rows]


def type_counts(scope: Scope) -> list[tuple[str, int]]:
    """How many events of each type the scope holds."""
    sql = f"SELECT type, count() FROM events WHERE {scope.where} GROUP BY type ORDER BY type"
    return [(row[0], row[1]) for row in select(sql, scope.params)]
