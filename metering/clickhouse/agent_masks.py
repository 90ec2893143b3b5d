"""Days of an agent as the bits of a number: what was so on a day, and within the days before it.

Bit n is the n-th day of a window that begins LOOKBACK days before the first one asked for, so that
every look back ends within it. One pass over the rows gives a few numbers for each agent, and the
rest is shifts.
"""

from datetime import date, timedelta

from metering.clickhouse.scope import Bound
from metering.usage.active import DORMANCY_DAYS, MONTH_DAYS, WEEK_DAYS

LOOKBACK = max(DORMANCY_DAYS, MONTH_DAYS - 1)
# As many days as fit beside them into 64 bits.
DAYS_AT_ONCE = 64 - LOOKBACK


NO_DAY = "toUInt64(0)"


def bit(day: str) -> str:
    """The bit of a day of the window; 0 of any other."""
    inside = f"({day} >= %(window)s AND {day} < %(end)s)"
    nth = f"if({inside}, toUInt8({day} - toDate(%(window)s)), 0)"
    return f"bitShiftLeft(toUInt64({inside}), {nth})"


def bits(day: str, condition: str) -> str:
    """An aggregate of the bits `day` where the condition holds."""
    return f"groupBitOrIf({day}, {condition})"


def window(start: date, end: date) -> Bound:
    """What `bit` and `counts_sql` need for the days from `start` to before `end`."""
    return {
        "window": start - timedelta(days=LOOKBACK),
        "end": end,
        "lookback": LOOKBACK,
        "width": LOOKBACK + (end - start).days,
    }


# What is counted of each day, as the agents whose bit of it is set.
COUNTS: dict[str, str] = {
    "active": "active",
    "active_sub_agents": "bitAnd(active, sub_agent)",
    "delivering": "delivering",
    "delivering_sub_agents": "bitAnd(delivering, delivered_sub_task)",
    "new": "new",
    "returning": "bitAnd(active, bitAnd(bitNot(new), seen_lately))",
    "resurrected": "bitAnd(active, bitAnd(bitNot(new), bitNot(seen_lately)))",
    "dormant": "bitAnd(seen_before, bitNot(active))",
    "waa": "delivering_week",
    "maa": "delivering_month",
}


def counts_sql(masks: str) -> str:
    """SELECT g0, nth and COUNTS, of masks: g0, active, first, sub_agent, delivering, …; by agent.

    `first` may have bits of days on which the agent is not active; they do not count.
    """
    counts = ", ".join(f"countIf(bitTest({name}_, nth))" for name in COUNTS)
    columns = ", ".join(f"{sql} AS {name}_" for name, sql in COUNTS.items())
    return f"""
        SELECT g0, nth, {counts} FROM (
            SELECT g0, {columns} FROM (
                SELECT g0, active, delivering, sub_agent, delivered_sub_task,
                    bitAnd(first, active) AS new,
                    bitShiftLeft({_within("active", DORMANCY_DAYS - 1)}, 1) AS seen_lately,
                    bitShiftLeft({_within("active", DORMANCY_DAYS)}, 1) AS seen_before,
                    {_within("delivering", WEEK_DAYS)} AS delivering_week,
                    {_within("delivering", MONTH_DAYS)} AS delivering_month
                FROM ({masks})
            )
        )
        ARRAY JOIN range(%(lookback)s, %(width)s) AS nth
        GROUP BY g0, nth ORDER BY nth, g0
    """


def _within(mask: str, days: int) -> str:
    """The days that have a day of the mask among the `days` that end with them."""
    covered, spread = 1, mask
    while covered < days:
        step = min(covered, days - covered)
        spread = f"bitOr({spread}, bitShiftLeft({spread}, {step}))"
        covered += step
    return spread
