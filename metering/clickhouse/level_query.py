"""The area under a level, and the 95th percentile of samples: meters that look at time itself."""

from collections.abc import Sequence
from dataclasses import replace

from metering.clickhouse.event_columns import micros
from metering.clickhouse.event_rows import MICROS, event_rows, exact_value_sql, grouped, row_groups
from metering.clickhouse.scope import Bound, Scope
from metering.usage.burst_figures import DROPPED_PERCENT, SAMPLE
from metering.usage.meter import Meter
from metering.usage.period import Period

_PLACE = "(time, source, id)"


def level_sql(meter: Meter, scope: Scope, windows: Sequence[Period]) -> tuple[str, Bound]:
    """Value × µs by group and window, and how many steps of the level that is.

    A group's level is the value of its last event by (time, source, id): of the period, of all
    before it, and until the period ends. Before its first event ever it is 0.
    """
    steps, bound = _steps(meter, scope)
    groups = row_groups(meter, windows)
    if not windows:
        sql = f"SELECT {_comma(groups)}sum(v * (until - since)), count() FROM ({steps})"
        return sql + grouped(groups), bound
    bound["windows"] = [window.start_us for window in windows]
    bound["window_ends"] = [window.end_us for window in windows]
    first, last = (
        f"indexOf(%(windows)s, roundDown({moment}, %(windows)s))" for moment in ("since", "until-1")
    )
    cut = (
        f"SELECT *, arrayJoin(range({first}, {last} + 1)) AS n, %(windows)s[n] AS w,"
        f" least(until, %(window_ends)s[n]) - greatest(since, w) AS held FROM ({steps})"
    )
    return f"SELECT {groups}, sum(v * held), count() FROM ({cut})" + grouped(groups), bound


def _steps(meter: Meter, scope: Scope) -> tuple[str, Bound]:
    """The level's steps within the period: `v` from `since` to before `until`."""
    assert scope.period is not None, "a level is held within a period"  # noqa: S101
    value, groups = exact_value_sql(meter), row_groups(meter, ())
    within, bound = event_rows(meter, scope, f"{value} AS v, {MICROS} AS since, time, source, id")
    earlier = replace(scope, period=None)
    last = f"argMax({value}, {_PLACE}) AS v, %(start)s AS since, max({_PLACE}) AS place"
    before, more = event_rows(meter, earlier, last)
    before += " AND time < fromUnixTimestamp64Micro(%(start)s)"
    before += (f" GROUP BY {groups}" if groups else "") + " HAVING count() > 0"
    columns = f"{_comma(groups)}v, toInt64(since) AS since"
    events = (
        f"SELECT {columns}, time, source, id FROM ({within}) UNION ALL"
        f" SELECT {columns}, place.1, place.2, place.3 FROM ({before})"
    )
    partition = f"PARTITION BY {groups} " if groups else ""
    sql = (
        f"SELECT {_comma(groups)}v, since, leadInFrame(since, 1, toInt64(%(end)s)) OVER"
        f" ({partition}ORDER BY time, source, id ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING)"
        f" AS until FROM ({events})"
    )
    bound |= more | {"start": micros(scope.period.start), "end": micros(scope.period.end)}
    return f"SELECT * FROM ({sql}) WHERE until > since", bound


def percentile_sql(meter: Meter, scope: Scope, windows: Sequence[Period]) -> tuple[str, Bound]:
    """The highest five-minute sum once the top 5 % are dropped, by group and window.

    A period, or window, has a sample for every five minutes from its start, the last of which may
    be shorter; one without events is 0.
    """
    assert scope.period is not None, "samples are taken in a period"  # noqa: S101
    groups = row_groups(meter, windows)
    start = "w" if windows else "%(start)s"
    columns = f"intDiv({MICROS} - {start}, {SAMPLE}) AS sample, {exact_value_sql(meter)} AS v"
    rows, bound = event_rows(meter, scope, columns, windows)
    samples = (
        f"SELECT {_comma(groups)}sum(v) AS s, count() AS n FROM ({rows})"
        f" GROUP BY {_comma(groups)}sample"
    )
    dropped = [_dropped(window) for window in windows or (scope.period,)]
    bound["dropped"] = dropped
    at = "%(dropped)s[indexOf(%(windows)s, w)]" if windows else "%(dropped)s[1]"
    sql = (
        f"SELECT {_comma(groups)}arrayElement(arrayReverseSort(groupArray(s)), {at} + 1), sum(n)"
        f" FROM ({samples})"
    )
    return sql + grouped(groups), bound


def _dropped(window: Period) -> int:
    samples = -(-(window.end_us - window.start_us) // SAMPLE)
    return samples * DROPPED_PERCENT // 100


def _comma(columns: str) -> str:
    return f"{columns}, " if columns else ""
