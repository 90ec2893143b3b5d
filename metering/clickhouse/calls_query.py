"""Model calls with what only their neighbours tell: how much of a prompt had been computed before.

Definition: a call's leading prefix blocks that an earlier call of the same tenant and model carried
within the reuse window, in tokens, at most its prompt. Earlier is by (time, source, id), so the
order of arrival never matters.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta

from metering.clickhouse.call_slices import call_slices
from metering.clickhouse.connection import select
from metering.clickhouse.event_columns import micros
from metering.clickhouse.scope import (
    Bound,
    Filters,
    Scope,
    dimensions_sql,
    filters_sql,
    group_columns,
)
from metering.clickhouse.usage_query import outcomes_sql
from metering.usage.calls import PricedCalls

CALL_DIMENSIONS = ("day", "agent", "task", "provider", "model", "modality", "service_tier")

CALL_COLUMNS = (
    "time",
    "source",
    "id",
    "agent",
    "task",
    "labels",
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
)
_TOKEN_COLUMNS = CALL_COLUMNS[13:]

# `previous` is when the block was last carried by another call, in µs and one more, so that 0 says
# never. A block that stands twice in one prompt was not computed before by standing there first,
# hence only its first place counts.
#
# Of the reuse window before the period only the last call of each block that the period has is
# needed: one row a block, below the other rows of its partition. So memory is that of the period's
# blocks, whatever the window holds. The digest makes sorting and looking up cheap and decides
# nothing: partitions and groups are of the blocks themselves.
_CALLS = """
    SELECT {columns}, prompt, toUInt64(least(toUInt128(leading) * block_tokens,
        toUInt128(input_tokens + cache_read_tokens + cache_write_tokens))) AS reusable_tokens
    FROM (
        SELECT {columns}, prefix_blocks[1] AS prompt, block_tokens FROM events WHERE {where}
    ) AS call
    LEFT JOIN (
        SELECT time, source, id,
            if(countIf(unseen) = 0, toInt64(max(blocks)), minIf(place, unseen) - 1) AS leading
        FROM (
            SELECT time, source, id, place, blocks,
                any(toUnixTimestamp64Micro(time) + 1) OVER (
                    PARTITION BY digest, model, block ORDER BY time, source, id
                    ROWS BETWEEN 1 PRECEDING AND 1 PRECEDING
                ) AS previous,
                previous = 0
                    OR toUnixTimestamp64Micro(time) + 1 - previous > %(reuse_window)s AS unseen
            FROM (
                SELECT time, source, id, model, block, cityHash64(block) AS digest, place,
                    length(prefix_blocks) AS blocks
                FROM events
                ARRAY JOIN prefix_blocks AS block, arrayEnumerate(prefix_blocks) AS place,
                    arrayEnumerateUniq(prefix_blocks) AS nth
                WHERE {where} AND nth = 1
                UNION ALL
                SELECT max(time), '', '', model, block, cityHash64(block), 0, 0
                FROM events ARRAY JOIN prefix_blocks AS block
                WHERE {lookback} AND time < fromUnixTimestamp64Micro(%(start)s)
                    AND cityHash64(block) IN (
                        SELECT cityHash64(block) FROM events ARRAY JOIN prefix_blocks AS block
                        WHERE {where}
                    )
                GROUP BY model, block
            )
        )
        WHERE time >= fromUnixTimestamp64Micro(%(start)s)
        GROUP BY time, source, id
    ) AS reuse USING (time, source, id)
"""

_UNSHARED = """
    SELECT {columns}, '' AS prompt, toUInt64(0) AS reusable_tokens FROM events WHERE {where}
"""

# A price by the length of the prompt goes by the whole call's, whatever modality an event is of.
_WHOLE_PROMPT = "input_tokens + cache_read_tokens + cache_write_tokens + other_prompt_tokens"
_OUTCOME = "multiIf(task IN (SELECT task FROM wasted), 'failed', attempt > 1, 'retried', 'useful')"


def calls_sql(scope: Scope, reuse_window: timedelta) -> tuple[str, Bound]:
    """A SELECT of CALL_COLUMNS, `prompt` and `reusable_tokens` over the scope's model calls.

    `prompt` is the first of a call's prefix blocks, mostly that of a system prompt.
    It needs memory for all of the scope's prefix blocks; see `call_slices`.
    """
    if scope.period is None:
        raise ValueError("calls are read for a period")
    sql = _CALLS.format(
        columns=", ".join(CALL_COLUMNS), where=scope.where, lookback=scope.since("lookback")
    )
    return sql, scope.params | {
        "lookback": micros(scope.period.start - reuse_window),
        "reuse_window": reuse_window // timedelta(microseconds=1),
    }


def unshared_calls_sql(scope: Scope) -> tuple[str, Bound]:
    """What `calls_sql` gives where no call of the scope has a prefix block, for much less."""
    return _UNSHARED.format(columns=", ".join(CALL_COLUMNS), where=scope.where), scope.params


def raw_calls(scope: Scope, reuse_window: timedelta) -> Iterator[tuple[str, str, Bound]]:
    """`raw_calls_sql` of the scope's period in slices that bounded memory is enough for."""
    for part in call_slices(replace(scope, types=("agent.tokens",))):
        yield raw_calls_sql(replace(scope, period=part), reuse_window)


def raw_calls_sql(scope: Scope, reuse_window: timedelta) -> tuple[str, str, Bound]:
    """A SELECT of the scope's calls, one of the tasks that came to nothing, and their values."""
    calls, bound = calls_sql(replace(scope, types=("agent.tokens",)), reuse_window)
    wasted, outcome_bound = wasted_sql(scope)
    return calls, wasted, outcome_bound | bound


def wasted_sql(scope: Scope) -> tuple[str, Bound]:
    """The tasks that ended failed or cancelled, whenever that was; values have a prefix."""
    outcomes, bound = outcomes_sql(replace(scope, period=None, prefix="outcome_"))
    return f"SELECT task FROM ({outcomes}) WHERE outcome IN ('failed', 'cancelled')", bound


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedCallsQuery:
    """Sums of calls by group and by all that a price depends on.

    `calls` is a SELECT of CALL_COLUMNS and reusable_tokens, `wasted` one of the tasks that ended
    failed or cancelled; both with their values in `bound`.
    """

    calls: str
    wasted: str
    bound: Bound
    group_by: tuple[str, ...] = ()
    thresholds: tuple[int, ...] = ()
    filters: Filters = ()

    def sql(self) -> tuple[str, Bound]:
        bound = self.bound | {"thresholds": [0, *self.thresholds]}
        dimensions = dimensions_sql(self.group_by, bound)
        tokens = ", ".join(f"sum(toUInt128({name}))" for name in _TOKEN_COLUMNS)
        groups = f"{group_columns(self.group_by)}, " if self.group_by else ""
        sql = (
            f"WITH wasted AS ({self.wasted}) SELECT {dimensions}"
            "provider, model, modality, service_tier, toDate(time, %(timezone)s) AS local_day,"
            f" arrayMax(arrayMap(t -> if({_WHOLE_PROMPT} > t, t, 0), %(thresholds)s))"
            f" AS prompt_over, {_OUTCOME} AS outcome, countIf(part = 1), {tokens},"
            " sum(toUInt128(reusable_tokens)), sum(toUInt128(if(reusable_tokens >"
            " cache_read_tokens, reusable_tokens - cache_read_tokens, 0)))"
            f" FROM ({self.calls}) WHERE 1{filters_sql(self.filters, bound)}"
            f" GROUP BY {groups}provider, model, modality, service_tier, local_day, prompt_over,"
            f" outcome ORDER BY {groups}provider, model, modality, service_tier, local_day,"
            " prompt_over, outcome"
        )
        return sql, bound

    def rows(self) -> list[tuple[dict[str, str], PricedCalls]]:
        width = len(self.group_by)
        names = tuple(PricedCalls.__dataclass_fields__)
        return [
            (
                dict(zip(self.group_by, row[:width], strict=True)),
                PricedCalls(**dict(zip(names, row[width:], strict=True))),
            )
            for row in select(*self.sql())
        ]
