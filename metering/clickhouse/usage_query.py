"""How much a tenant used, straight from its events: visible as soon as they are stored."""

from dataclasses import dataclass, replace
from decimal import Decimal

from metering.clickhouse.connection import Row, select
from metering.clickhouse.scope import (
    VALUE_SQL,
    Bound,
    Filters,
    Scope,
    dimensions_sql,
    filters_sql,
    group_columns,
    seconds,
)

_TOKEN_FIELDS = (
    "input_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "output_tokens",
    "reasoning_tokens",
)

USAGE_DIMENSIONS = (
    "day",
    "agent",
    "task",
    "type",
    "provider",
    "model",
    "modality",
    "service_tier",
    "chip",
    "region",
    "phase",
    "tool",
    "cache",
)
# The dimensions by which an outcome of a task can be told apart; by others it counts under "".
TASK_DIMENSIONS = ("day", "agent", "task")

_OUTCOMES = """
    SELECT task, max((time, source, id)) AS last,
        argMax(status, (time, source, id)) AS outcome,
        argMax(agent, (time, source, id)) AS outcome_agent,
        argMax(session, (time, source, id)) AS outcome_session,
        argMax(parent_task, (time, source, id)) AS outcome_parent,
        argMax(labels, (time, source, id)) AS outcome_labels
    FROM events WHERE {where} GROUP BY task
"""


def outcomes_sql(scope: Scope) -> tuple[str, Bound]:
    """The outcome of each task: its last agent.task event by (time, source, id).

    Of a scope with a period, tasks that ended in it or after it: a later event moves an outcome
    out of the period, so whoever reads this cuts it off at the bound `end`.
    """
    tasks = replace(scope, types=("agent.task",), open_end=True)
    return _OUTCOMES.format(where=tasks.where), tasks.params


@dataclass(slots=True, kw_only=True)
class UsageRow:
    """What one group used. Tokens are counts, `chip_seconds` chips × seconds of every phase."""

    group: dict[str, str]
    requests: int = 0
    input_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    tool_calls: int = 0
    chip_seconds: Decimal = Decimal(0)
    tasks: int = 0
    succeeded_tasks: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageQuery:
    """Sums over the events of a scope, per group."""

    scope: Scope
    group_by: tuple[str, ...] = ()
    filters: Filters = ()

    def sql(self) -> tuple[str, Bound]:
        bound = self.scope.params
        dimensions = dimensions_sql(self.group_by, bound)
        tokens = ", ".join(f"sum({VALUE_SQL[name]})" for name in _TOKEN_FIELDS)
        sql = (
            f"SELECT {dimensions}countIf(type = 'agent.tokens' AND part = 1), {tokens},"
            " countIf(type = 'agent.tool'),"
            f" sumIf({VALUE_SQL['chip_seconds']}, type = 'agent.chip')"
            f" FROM events WHERE {self.scope.where}{filters_sql(self.filters, bound)}"
        )
        return sql + _grouped(self.group_by), bound

    def rows(self) -> list[UsageRow]:
        return [self.row(row) for row in select(*self.sql())]

    def row(self, found: Row) -> UsageRow:
        """A row of the query's answer."""
        group, values = found[: len(self.group_by)], found[len(self.group_by) :]
        requests, *tokens, tool_calls, chip_microseconds = values
        return UsageRow(
            group=dict(zip(self.group_by, group, strict=True)),
            requests=requests,
            tool_calls=tool_calls,
            chip_seconds=seconds(chip_microseconds),
            **dict(zip(_TOKEN_FIELDS, tokens, strict=True)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskCountQuery:
    """How many tasks ended in the period, and how many of them succeeded, per group."""

    scope: Scope
    group_by: tuple[str, ...] = ()
    filters: Filters = ()

    def sql(self) -> tuple[str, Bound]:
        outcomes, bound = outcomes_sql(self.scope)
        tasks = (
            "SELECT task, last.1 AS time, outcome, outcome_agent AS agent,"
            f" outcome_labels AS labels FROM ({outcomes})"
        )
        dimensions = dimensions_sql(self.group_by, bound)
        sql = (
            f"SELECT {dimensions}count(), countIf(outcome = 'succeeded') FROM ({tasks})"
            " WHERE time < fromUnixTimestamp64Micro(%(end)s)"
            f"{filters_sql(self.filters, bound)}"
        )
        return sql + _grouped(self.group_by), bound

    def rows(self) -> list[Row]:
        return select(*self.sql())


def _grouped(names: tuple[str, ...]) -> str:
    columns = group_columns(names)
    return f" GROUP BY {columns} ORDER BY {columns}" if names else ""
