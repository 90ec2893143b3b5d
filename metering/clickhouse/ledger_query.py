"""Reads the ledger: a page of it, the lines of given tasks, and who is whose sub-task.

Of several lines of a task the one of the highest generation counts. Looking that up for the lines
of a page, by the projection that is sorted by task, costs the same wherever the page is.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from typing import Any, TypeVar

from metering.clickhouse.connection import Row, select, stream
from metering.clickhouse.event_columns import from_micros, micros
from metering.clickhouse.ledger import LINE, lines_sql
from metering.clickhouse.scope import Bound, Scope, seconds
from metering.usage.ledger import TaskLine, TaskUse
from metering.usage.period import Period

Place = tuple[datetime, str]
_Item = TypeVar("_Item")
# As many tasks are named in one query; their names may be long.
TASKS_A_QUERY = 2_000

_USE = (
    "event_count",
    "requests",
    "input_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "cache_write_long_tokens",
    "output_tokens",
    "reasoning_tokens",
    "cache_lookups",
    "cache_hits",
    "saved_tokens",
    "tool_calls",
    "tool_errors",
)
_CHIPS = ("chip_active", "chip_idle", "chip_cold_start")
_TIMES = ("place", "started_at", "ended_at", "first_time", "last_time")
_OWN = ("status", "agent", "parent_task", "session", "fingerprint", "labels", "hours", "models")
_COLUMNS = ("task", *_OWN, *_TIMES, *_USE, *_CHIPS)


def in_batches(items: Iterable[_Item], size: int) -> Iterator[list[_Item]]:
    """Lists of so many, the last one shorter."""
    rest = iter(items)
    while some := list(islice(rest, size)):
        yield some


def _column(name: str, prefix: str = "") -> str:
    return f"toUnixTimestamp64Micro({prefix}{name})" if name in _TIMES else f"{prefix}{name}"


# How many lines are looked through at once for those that count, at first.
FIRST_STRETCH = 2_000
_ANY_GENERATION = 2**64 - 1
_NEWEST_FIRST = "ORDER BY place DESC, task DESC"
_SELECTED = ", ".join(map(_column, _COLUMNS))


def _line(row: Row) -> TaskLine:
    found: dict[str, Any] = dict(zip(_COLUMNS, row, strict=True))
    for name in _TIMES:
        found[name] = None if found[name] is None else from_micros(found[name])
    use = {name: found.pop(name) for name in _USE}
    use |= {f"chip_seconds_{name[5:]}": seconds(found.pop(name)) for name in _CHIPS}
    found["hours"] = [hour.replace(tzinfo=UTC) for hour in found["hours"]]
    return TaskLine(time=found.pop("place"), use=TaskUse(**use), **found)


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerFilter:
    """Which lines are asked for; an empty field asks for any."""

    statuses: tuple[str, ...] = ()
    agent: str = ""
    session: str = ""
    parent_task: str = ""
    model: str = ""
    prefix: str = ""
    labels: tuple[tuple[str, str], ...] = ()

    def conditions(self, bound: Bound) -> Iterator[str]:
        """The values are put into `bound`."""
        if self.statuses:
            bound["statuses"] = list(self.statuses)
            yield "status IN %(statuses)s"
        for name in ("agent", "session", "parent_task"):
            if value := getattr(self, name):
                bound[name] = value
                yield f"{name} = %({name})s"
        if self.model:
            bound["model"] = self.model
            yield "has(models, %(model)s)"
        if self.prefix:
            bound["prefix"] = self.prefix
            yield "startsWith(task, %(prefix)s)"
        for n, (key, value) in enumerate(self.labels):
            bound |= {f"label_{n}": key, f"value_{n}": value}
            yield f"labels[%(label_{n})s] = %(value_{n})s"


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerQuery:
    """The lines of a tenant whose place is in a period, newest first, after a place.

    With `until` those up to and with a place.
    """

    tenant: int
    period: Period
    matching: LedgerFilter = LedgerFilter()
    after: Place | None = None
    until: Place | None = None

    def sql(self, limit: int) -> tuple[str, Bound]:
        """The columns of a line and its generation; among them lines that do not count."""
        where, bound = self._where()
        sql = f"SELECT {_SELECTED}, generation FROM rollup_ledger WHERE {where} {_NEWEST_FIRST}"
        return f"{sql} LIMIT %(limit)s", bound | {"limit": limit}

    def counted_sql(self, limit: int) -> tuple[str, Bound]:
        """The same of the lines that count alone, which are looked up for all lines at once."""
        where, bound = self._where()
        counted = (
            "SELECT task, max(generation) FROM rollup_ledger WHERE tenant = %(tenant)s"
            f" AND task IN (SELECT task FROM rollup_ledger WHERE {where}) GROUP BY task"
        )
        sql = (
            f"SELECT {_SELECTED} FROM rollup_ledger WHERE {where}"
            f" AND (task, generation) IN ({counted}) {_NEWEST_FIRST} LIMIT %(limit)s"
        )
        return sql, bound | {"limit": limit}

    def nth_sql(self, number: int) -> tuple[str, Bound]:
        """The place of a line, counted from 0, whether it counts or not."""
        where, bound = self._where()
        sql = (
            f"SELECT {_column('place')}, task FROM rollup_ledger WHERE {where} {_NEWEST_FIRST}"
            " LIMIT 1 OFFSET %(number)s"
        )
        return sql, bound | {"number": number}

    def _where(self) -> tuple[str, Bound]:
        bound: Bound = {
            "tenant": self.tenant,
            "start": micros(self.period.start),
            "end": micros(self.period.end),
        }
        conditions = [
            "tenant = %(tenant)s",
            "place >= fromUnixTimestamp64Micro(%(start)s)",
            "place < fromUnixTimestamp64Micro(%(end)s)",
            "event_count > 0",
            *self.matching.conditions(bound),
        ]
        # The first half of each is what the order of the table is searched by.
        if self.after:
            bound |= {"after": micros(self.after[0]), "after_task": self.after[1]}
            at = "fromUnixTimestamp64Micro(%(after)s)"
            conditions.append(f"place <= {at} AND (place < {at} OR task < %(after_task)s)")
        if self.until:
            bound |= {"until": micros(self.until[0]), "until_task": self.until[1]}
            at = "fromUnixTimestamp64Micro(%(until)s)"
            conditions.append(f"place >= {at} AND (place > {at} OR task >= %(until_task)s)")
        return " AND ".join(conditions), bound

    def page(self, limit: int) -> list[TaskLine]:
        """At most so many lines."""
        rows = select(*self.sql(limit))
        lines = [(_line(row[:-1]), row[-1]) for row in rows]
        found = _current(self.tenant, lines)
        if len(rows) < limit or len(found) == limit:
            return found
        rest = replace(self, after=lines[-1][0].place)
        return found + list(rest._among_old_lines(limit - len(found)))

    def _among_old_lines(self, limit: int) -> Iterator[TaskLine]:
        """The same where most lines are of a task's past, as of those that were open a minute ago.

        Stretches of more and more lines, until there are enough that count.
        """
        query, stretch, missing = self, FIRST_STRETCH, limit
        while missing:
            places = select(*query.nth_sql(stretch - 1))
            until = (from_micros(places[0][0]), places[0][1]) if places else None
            rows = select(*replace(query, until=until).counted_sql(missing))
            yield from map(_line, rows)
            missing -= len(rows)
            if until is None:
                break
            query, stretch = replace(query, after=until), 4 * stretch


def _current(
    tenant: int, lines: Sequence[tuple[TaskLine, int]], as_of: int = _ANY_GENERATION
) -> list[TaskLine]:
    """Those that count, each once."""
    found = _newest(tenant, (line.task for line, _ in lines), as_of)
    newest = {task: generation for task, generation, _ in found}
    kept = {line.task: line for line, generation in lines if newest[line.task] == generation}
    return list(kept.values())


def _newest(
    tenant: int, tasks: Iterable[str], as_of: int = _ANY_GENERATION
) -> Iterator[tuple[str, int, int]]:
    """Task, generation and place (in µs) of the line of each task that counts."""
    for some in in_batches(dict.fromkeys(tasks), TASKS_A_QUERY):
        sql = (
            "SELECT task, max(generation), toUnixTimestamp64Micro(argMax(place, generation))"
            " FROM rollup_ledger WHERE tenant = %(tenant)s AND task IN %(tasks)s"
            " AND generation <= %(as_of)s GROUP BY task"
        )
        yield from select(sql, {"tenant": tenant, "tasks": list(some), "as_of": as_of})


def task_lines(tenant: int, tasks: Iterable[str]) -> dict[str, TaskLine]:
    """The lines of given tasks, without those that have none."""
    found: dict[str, TaskLine] = {}
    for some in in_batches(_newest(tenant, tasks), TASKS_A_QUERY):
        sql = (
            f"SELECT {_SELECTED} FROM rollup_ledger WHERE tenant = %(tenant)s AND event_count > 0"
            " AND place IN (SELECT fromUnixTimestamp64Micro(arrayJoin(%(places)s)))"
            " AND (task, generation) IN %(keys)s"
        )
        bound: Bound = {
            "tenant": tenant,
            "places": sorted({place for _, _, place in some}),
            "keys": tuple((task, generation) for task, generation, _ in some),
        }
        found |= {line.task: line for line in map(_line, select(sql, bound))}
    return found


def children_of(tenant: int, parents: Iterable[str]) -> list[tuple[str, str]]:
    """(parent, sub-task), by task, of the tasks whose outcome names one of these parents."""
    found: list[tuple[str, str]] = []
    for some in in_batches(parents, TASKS_A_QUERY):
        sql = (
            "SELECT DISTINCT parent_task, task, generation FROM rollup_ledger"
            " WHERE tenant = %(tenant)s AND parent_task IN %(parents)s"
        )
        rows = select(sql, {"tenant": tenant, "parents": list(some)})
        newest = {task: g for task, g, _ in _newest(tenant, (task for _, task, _ in rows))}
        found += [(parent, task) for parent, task, g in rows if newest[task] == g]
    return sorted(found, key=lambda pair: pair[1])


def lines_within(scope: Scope) -> dict[str, TaskLine]:
    """Lines of the scope's tasks as its own events alone tell, straight from the events."""
    columns = ", ".join(_column(name, "line_") for name in _COLUMNS[1:])
    sql = f"SELECT task, {columns} FROM ({lines_sql(scope)})"
    return {line.task: line for line in map(_line, select(sql, scope.params))}


def all_lines(tenant: int, period: Period, batch: int) -> Iterator[list[TaskLine]]:
    """The lines of every task with an event in the period, by (place, task), in constant memory.

    Lines written meanwhile are left out, so that none is missed for having moved.
    """
    bound: Bound = {"tenant": tenant, "start": micros(period.start), "end": micros(period.end)}
    of_tenant = "FROM rollup_ledger WHERE tenant = %(tenant)s"
    [(as_of,)] = select(f"SELECT max(generation) {of_tenant}", bound)
    sql = (
        f"SELECT {_SELECTED}, generation {of_tenant} AND generation <= %(as_of)s"
        " AND event_count > 0 AND first_time < fromUnixTimestamp64Micro(%(end)s)"
        " AND last_time >= fromUnixTimestamp64Micro(%(start)s) ORDER BY place, task"
    )
    rows = stream(sql, bound | {"as_of": as_of}, optimize_read_in_order=1)
    for some in in_batches(rows, batch):
        yield _current(tenant, [(_line(row[:-1]), row[-1]) for row in some], as_of)


assert set(_COLUMNS) == {"task", *LINE}, "a line is read as it is written"  # noqa: S101
