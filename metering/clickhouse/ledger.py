"""Derives the ledger: a line for each task that an event touched, out of all of the task's events.

A line says everything that was received before its generation begins, so whoever comes last, the
line with the highest generation is the one that knew most; see schema/0024_rollup_ledger.sql.
"""

import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime

from metering.clickhouse.cluster import on_cluster, stored
from metering.clickhouse.connection import command, select
from metering.clickhouse.event_columns import micros
from metering.clickhouse.scope import VALUE_SQL, Bound, Scope

# Lines that one statement derives hold in memory what these many events add up to.
MOST_EVENTS_A_SLICE = 1_000_000
_SPILL_BYTES = 2 * 1024**3

# What speaks for the task: its last agent.task event, and of an open task the last one that has an
# agent. One aggregate with all of its columns, for each one costs as much as all sums together.
_OUTCOME = "type = 'agent.task'"
_SPEAKER = (
    "argMax(tuple(toString(status), agent, parent_task, session, fingerprint, labels, started_at,"
    f" ended_at, time), ({_OUTCOME}, agent != '', time, source, id))"
)
_ENDED = f"countIf({_OUTCOME}) > 0"


def _of_speaker(number: int) -> str:
    return f"tupleElement({_SPEAKER}, {number})"


def _counted(value: str, event_type: str, condition: str = "") -> str:
    more = f" AND {condition}" if condition else ""
    return f"sumIf({VALUE_SQL[value]}, type = '{event_type}'{more})"


_TOKENS = (
    "input_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "cache_write_long_tokens",
    "output_tokens",
    "reasoning_tokens",
)
# How each column of a line follows from the events of its task. Aggregates never have the name of
# a column of events, for ClickHouse would put them in each other's place.
LINE: dict[str, str] = {
    "place": f"if({_ENDED}, {_of_speaker(9)}, max(time))",
    "status": f"if({_ENDED}, {_of_speaker(1)}, 'open')",
    "agent": _of_speaker(2),
    "parent_task": _of_speaker(3),
    "session": _of_speaker(4),
    "fingerprint": _of_speaker(5),
    "labels": _of_speaker(6),
    # A chip may have been held before the first event came.
    "started_at": f"ifNull(if({_ENDED}, {_of_speaker(7)}, NULL),"
    " least(min(time), ifNull(minIf(started_at, type = 'agent.chip'), max(time))))",
    "ended_at": f"if({_ENDED}, ifNull({_of_speaker(8)}, {_of_speaker(9)}), NULL)",
    "first_time": "min(time)",
    "last_time": "max(time)",
    "hours": "arraySort(groupUniqArray(toStartOfHour(time)))",
    "event_count": "count()",
    "requests": "countIf(type = 'agent.tokens' AND part = 1)",
    **{name: _counted(name, "agent.tokens") for name in _TOKENS},
    "models": "arraySort(groupUniqArrayIf(toString(model), type = 'agent.tokens'))",
    "cache_lookups": "countIf(type = 'agent.cache')",
    "cache_hits": "countIf(type = 'agent.cache' AND hit)",
    "saved_tokens": _counted("saved_tokens", "agent.cache", "hit"),
    **{
        f"chip_{phase}": _counted("chip_seconds", "agent.chip", f"phase = '{phase}'")
        for phase in ("active", "idle", "cold_start")
    },
    "tool_calls": "countIf(type = 'agent.tool')",
    "tool_errors": "countIf(type = 'agent.tool' AND status = 'error')",
}


def lines_sql(scope: Scope, condition: str = "task != ''") -> str:
    """A SELECT of task and the columns of LINE over the events of a scope."""
    columns = ", ".join(f"{sql} AS line_{name}" for name, sql in LINE.items())
    return (
        f"SELECT task, {columns} FROM events WHERE {scope.where} AND task != '' AND {condition}"
        " GROUP BY task"
    )


def derive_lines(scope: Scope, since: int, hours: Sequence[datetime], events: int) -> None:
    """Write the lines of every task that an event received from `since` on touched.

    `scope` ends at the watermark and has no period; `hours` are those of the new events, which
    are `events` many. Of since = 0 they are all hours there are.
    """
    slices = max(1, -(-events // MOST_EVENTS_A_SLICE))
    generation = _generation(scope)
    hours_ = [int(hour.timestamp()) for hour in hours]
    for number in range(slices):
        bound = scope.params | {
            "generation": generation,
            "since": since,
            "slices": slices,
            "slice": number,
        }
        if since:
            bound["hours"] = sorted({*hours_, *_earlier_hours(scope, bound)})
        _write(scope, bound)
        _write_gone(scope, bound)


def _generation(scope: Scope) -> int:
    """As of hours: it begins with the watermark, and no two writers have the same."""
    if scope.received_before is None:
        raise ValueError("lines are derived as of a watermark")
    return micros(scope.received_before) * 1024 + secrets.randbelow(1024)


_SLICE = "cityHash64(task) %% %(slices)s = %(slice)s"
_TOUCHED = f"""
    SELECT task FROM events WHERE tenant = %(tenant)s AND task != ''
        AND received_at >= fromUnixTimestamp64Micro(%(since)s)
        AND received_at < fromUnixTimestamp64Micro(%(received_before)s)
        AND {_SLICE}
"""
# The rows that another one was put in the place of, which may be of another task.
_REPLACED = """
    SELECT task FROM events WHERE tenant = %(tenant)s AND task != ''
        AND time IN (SELECT time FROM ({named})) AND (identity, commit)
            IN (SELECT identity, commit FROM ({named}))
        AND {slice}
""".format(
    slice=_SLICE,
    named=" UNION ALL ".join(
        f"SELECT time, identity, commit FROM {table} WHERE tenant = %(tenant)s"
        " AND received_at >= fromUnixTimestamp64Micro(%(since)s)"
        for table in ("superseded", "amended")
    ),
)


def _touched(scope: Scope) -> str:
    return f"{_TOUCHED} UNION ALL {_REPLACED}" if scope.without_superseded else _TOUCHED


def _earlier_hours(scope: Scope, bound: Bound) -> Iterable[int]:
    """Where the other events of the touched tasks are, as the lines of before say."""
    rows = select(
        "SELECT DISTINCT toUnixTimestamp(arrayJoin(hours)) FROM rollup_ledger"
        f" WHERE tenant = %(tenant)s AND task IN ({_touched(scope)})",
        bound,
    )
    return [hour for (hour,) in rows]


def _write(scope: Scope, bound: Bound) -> None:
    some = f"{IN_HOURS} AND task IN ({_touched(scope)})" if bound["since"] else _SLICE
    lines = lines_sql(scope, some)
    command(
        f"INSERT INTO rollup_ledger (tenant, generation, task, {', '.join(LINE)})"
        f" SELECT %(tenant)s, %(generation)s, * FROM ({lines})",
        bound,
        max_partitions_per_insert_block=0,
        max_bytes_before_external_group_by=_SPILL_BYTES,
    )


# A condition on time that the order of the table can be searched by.
IN_HOURS = "toStartOfHour(time) IN %(hours)s"


def _write_gone(scope: Scope, bound: Bound) -> None:
    """A line of no events for tasks whose last event moved to another task."""
    if not scope.without_superseded:
        return
    command(
        "INSERT INTO rollup_ledger (tenant, generation, task, place)"
        " SELECT DISTINCT %(tenant)s, %(generation)s, task,"
        f" fromUnixTimestamp64Micro(%(received_before)s) FROM ({_REPLACED})"
        " WHERE task NOT IN (SELECT task FROM rollup_ledger"
        " WHERE tenant = %(tenant)s AND generation = %(generation)s)",
        bound,
    )


def forget_old_lines(oldest: int) -> None:
    """Remove lines of a generation before `oldest` that a newer one has taken the place of."""
    bound = {"oldest": oldest}
    # A deletion writes to every part it may concern; mostly only this month's has any.
    sql = f"SELECT DISTINCT _partition_id FROM rollup_ledger {_OUTDATED.format('rollup_ledger')}"
    for (month,) in select(sql, bound, optimize_aggregation_in_order=1):
        # A mutation, for a lightweight deletion would leave the rows in the projections.
        command(
            f"ALTER TABLE {stored('rollup_ledger')}{on_cluster()} DELETE IN PARTITION ID %(month)s"
            f" {_OUTDATED.format(stored('rollup_ledger'))}",
            bound | {"month": month},
            mutations_sync=2,
            allow_nondeterministic_mutations=1,
        )


_OUTDATED = """
    WHERE generation < %(oldest)s AND (tenant, task) IN (
        SELECT tenant, task FROM {0} GROUP BY tenant, task HAVING min(generation) < max(generation)
    ) AND (tenant, task, generation) NOT IN (
        SELECT tenant, task, max(generation) FROM {0} GROUP BY tenant, task
            HAVING min(generation) < max(generation)
    )
"""
