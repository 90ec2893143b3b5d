"""The events behind a number, a page at a time."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from metering.clickhouse.connection import select
from metering.clickhouse.event_columns import from_micros, micros
from metering.clickhouse.scope import Bound, Scope, dimension_sql

Place = tuple[datetime, str, str]  # (time, source, id): a total order


class EventRow(NamedTuple):
    """An event as evidence: where and when it stands, and whose it is."""

    time: datetime
    source: str
    id: str
    type: str
    agent: str
    task: str


Filters = Sequence[tuple[str, Sequence[str]]]


def evidence(
    scope: Scope, filters: Filters, after: Place | None, limit: int, first: Place | None = None
) -> list[EventRow]:
    """Events of the scope that match every filter, from the one after `after` on.

    With `first`, an event before the scope's period, from that one on.
    """
    conditions, bound = _matching(scope, filters, "first" if first else "start")
    bound |= {"limit": limit}
    if first:
        conditions.append(_beyond(">=", "first", first, bound))
    if after:
        conditions.append(_beyond(">", "after", after, bound))
    rows = select(
        "SELECT toUnixTimestamp64Micro(time), source, id, type, agent, task FROM events"
        f" WHERE {' AND '.join(conditions)} ORDER BY time, source, id LIMIT %(limit)s",
        bound,
    )
    return [EventRow(from_micros(row[0]), *row[1:]) for row in rows]


def count(scope: Scope, filters: Filters) -> int:
    """The events of the scope that match every filter."""
    conditions, bound = _matching(scope, filters, "start")
    [[events]] = select(f"SELECT count() FROM events WHERE {' AND '.join(conditions)}", bound)
    return int(events)


def last_before(scope: Scope, filters: Filters) -> Place | None:
    """The last event that matches every filter and is before the scope's period."""
    conditions, bound = _matching(replace(scope, period=None), filters, "start")
    bound["start"] = scope.params["start"]
    rows = select(
        "SELECT toUnixTimestamp64Micro(time), source, id FROM events"
        f" WHERE {' AND '.join(conditions)} AND time < fromUnixTimestamp64Micro(%(start)s)"
        " ORDER BY time DESC, source DESC, id DESC LIMIT 1",
        bound,
    )
    return (from_micros(rows[0][0]), rows[0][1], rows[0][2]) if rows else None


def _matching(scope: Scope, filters: Filters, start: str) -> tuple[list[str], Bound]:
    bound = dict(scope.params)
    conditions = [scope.since(start)]
    for number, (name, allowed) in enumerate(filters):
        bound[f"allowed_{number}"] = list(allowed) or [""]
        conditions.append(f"{dimension_sql(name, number, bound)} IN %(allowed_{number})s")
    return conditions, bound


def _beyond(comparison: str, name: str, place: Place, bound: Bound) -> str:
    """The condition on events that come after a place, or from it on."""
    bound |= {name: micros(place[0]), f"{name}_source": place[1], f"{name}_id": place[2]}
    return (
        f"(time, source, id) {comparison}"
        f" (fromUnixTimestamp64Micro(%({name})s), %({name}_source)s, %({name}_id)s)"
    )


def type_counts(scope: Scope) -> list[tuple[str, int]]:
    """How many events of each type the scope holds."""
    sql = f"SELECT type, count() FROM events WHERE {scope.where} GROUP BY type ORDER BY type"
    return [(row[0], row[1]) for row in select(sql, scope.params)]
