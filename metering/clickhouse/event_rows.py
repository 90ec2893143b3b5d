"""The events that a meter counts, as rows: its groups, its windows, and what it reads of each."""

from collections.abc import Sequence

from metering.clickhouse.scope import (
    VALUE_SQL,
    Bound,
    Scope,
    dimension_sql,
    dimensions_sql,
    group_columns,
)
from metering.usage.meter import Meter
from metering.usage.period import Period

MICROS = "toUnixTimestamp64Micro(time)"
# The last start at or before a moment: windows follow one another without a gap.
_WINDOW = "roundDown({moment}, %(windows)s)"


def event_rows(
    meter: Meter, scope: Scope, columns: str, windows: Sequence[Period] = ()
) -> tuple[str, Bound]:
    """Groups as g0…, the start of the window as w, and `columns`, of each event."""
    bound = scope.params
    dimensions = dimensions_sql(meter.group_by, bound)
    window = window_sql(windows, bound)
    sql = f"SELECT {dimensions}{window}{columns} FROM events WHERE {scope.where}"
    conditions = filters_sql(meter, bound)
    return (f"{sql} AND {conditions}" if conditions else sql), bound


def window_sql(windows: Sequence[Period], bound: Bound, moment: str = MICROS) -> str:
    """`… AS w, ` for a SELECT list; empty where the period is one window."""
    if not windows:
        return ""
    bound["windows"] = [window.start_us for window in windows]
    return f"{_WINDOW.format(moment=moment)} AS w, "


def row_groups(meter: Meter, windows: Sequence[Period]) -> str:
    """The aliases by which quantities are told apart: of the groups, then of the window."""
    columns = group_columns(meter.group_by)
    return ", ".join(name for name in (columns, "w" if windows else "") if name)


def grouped(columns: str) -> str:
    """GROUP BY and ORDER BY of these columns; nothing without any."""
    return f" GROUP BY {columns} ORDER BY {columns}" if columns else ""


def filters_sql(meter: Meter, bound: Bound) -> str:
    """The condition of a meter's filters; empty without any."""
    conditions = []
    for number, (name, allowed) in enumerate(meter.filters):
        # Labels already have numbers from group_by; filters take theirs from 100 on.
        expression = dimension_sql(name, 100 + number, bound)
        if allowed:
            bound[f"filter_{number}"] = list(allowed)
            conditions.append(f"{expression} IN %(filter_{number})s")
        else:
            conditions.append("0")
    return " AND ".join(conditions)


def exact_value_sql(meter: Meter) -> str:
    """What one event brings to a sum or a count, as a decimal; `chip_seconds` in microseconds."""
    if meter.aggregation == "count":
        return "toDecimal256(1, 18)"
    return f"toDecimal256({VALUE_SQL[meter.value]}, 18)"
