"""Days of an agent as the bits of a number: what was so on a day, and within the days before it.

Bit n is the n-th day of a window that begins LOOKBACK days before the first one asked for, so that
every look back ends within it. One pass over the rows gives a few numbers for each agent, and the
rest is shifts.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from metering.clickhouse.scope import Bound
from metering.usage.active import DORMANCY_DAYS, MONTH_DAYS, WEEK_DAYS, ActiveDay

LOOKBACK = max(DORMANCY_DAYS, MONTH_DAYS - 1)
# As many days as fit beside them into 64 bits.
DAYS_AT_ONCE = 64 - LOOKBACK


NO_DAY = "toUInt64(0)"


def bit(day: str) -> str:
    """The bit of a day of the window; 0 of any other."""
    inside = f"({day} >= %(window)s AND {day} < %(end)s)"
    nth = f"if({inside}, toUInt8({day} - toDate(%(window)s)), 0)"
    return f"bitShiftLeft(toUInt64({inside}), {nth})"


def window(start: date, end: date) -> Bound:
    """What `bit` needs for the days from `start` to before `end`."""
    return {"window": start - timedelta(days=LOOKBACK), "end": end}


# What can be counted of each day, as the agents whose bit of it is set.
COUNTS: dict[str, str] = {
    "active": "active",
    "new": "new",
    "resurrected": "bitAnd(active, bitNot(bitOr(new, seen_lately)))",
    "dormant": "bitAnd(seen_before, bitNot(active))",
    "waa": "delivering_week",
    "maa": "delivering_month",
    "active_sub_agents": "bitAnd(active, sub_agent)",
    "delivering": "delivering",
    "delivering_sub_agents": "bitAnd(delivering, delivered_sub_task)",
}
# Those that need what was before the day.
OF_HISTORY = ("active", "new", "resurrected", "dormant", "waa", "maa")


def counts_sql(masks: str, names: Sequence[str], days: int) -> str:
    """SELECT g0 and, of each of the named COUNTS, an array with one number for each of the days.

    Made of a row of masks for each agent: active, first and delivering, and what else the names
    need. `first` may have bits of days on which the agent is not active; they do not count.
    """
    # Repeating every row for every day, to group by day, took eight times as long.
    counts = ", ".join(_counts_of_days(name, days) for name in names)
    columns = ", ".join(f"{COUNTS[name]} AS {name}_" for name in names)
    return f"""
        SELECT g0, {counts} FROM (
            SELECT g0, {columns} FROM (
                SELECT *, bitAnd(first, active) AS new,
                    bitShiftLeft({_within("active", DORMANCY_DAYS - 1)}, 1) AS seen_lately,
                    bitShiftLeft({_within("active", DORMANCY_DAYS)}, 1) AS seen_before,
                    {_within("delivering", WEEK_DAYS)} AS delivering_week,
                    {_within("delivering", MONTH_DAYS)} AS delivering_month
                FROM ({masks})
            )
        )
        GROUP BY g0
    """


def _counts_of_days(name: str, days: int) -> str:
    nths = range(LOOKBACK, LOOKBACK + days)
    return f"[{', '.join(f'countIf(bitTest({name}_, {nth}))' for nth in nths)}]"


def counted(day: date, counts: Mapping[str, int], **others: int) -> ActiveDay:
    """An ActiveDay out of COUNTS, and of others that were counted elsewhere."""
    returning = counts["active"] - counts["new"] - counts["resurrected"]
    return ActiveDay(date=day, returning=returning, **counts, **others)


def _within(mask: str, days: int) -> str:
    """The days that have a day of the mask among the `days` that end with them."""
    covered, spread = 1, mask
    while covered < days:
        step = min(covered, days - covered)
        spread = f"bitOr({spread}, bitShiftLeft({spread}, {step}))"
        covered += step
    return spread
