"""Days of an agent as the bits of a number: what was so on a day, and within the days before it.

Bit n is the n-th day of a window that begins LOOKBACK days before the first one asked for, so that
every look back ends within it. One pass over the rows gives a few numbers for each agent, and the
rest is shifts.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta

from metering.clickhouse.connection import Row
from metering.clickhouse.scope import Bound
from metering.usage.active import DORMANCY_DAYS, MONTH_DAYS, WEEK_DAYS, ActiveDay

LOOKBACK = max(DORMANCY_DAYS, MONTH_DAYS - 1)
# As many days as fit beside them into 64 bits, in two halves.
_HALF = 16
DAYS_AT_ONCE = 2 * _HALF


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


def counts_sql(masks: str, names: Sequence[str]) -> str:
    """SELECT g0, nth and, of the named COUNTS, those of two days: nth + 2³² × (nth + 16).

    Made of a row of masks for each agent: active, first and delivering, and what else the names
    need. `first` may have bits of days on which the agent is not active; they do not count.
    """
    counts = ", ".join(f"sum(bitAnd(bitShiftRight({n}_, nth), {_BOTH}))" for n in names)
    columns = ", ".join(f"{_in_halves(COUNTS[name])} AS {name}_" for name in names)
    return f"""
        SELECT g0, nth, {counts} FROM (
            SELECT g0, {columns} FROM (
                SELECT *, bitAnd(first, active) AS new,
                    bitShiftLeft({_within("active", DORMANCY_DAYS - 1)}, 1) AS seen_lately,
                    bitShiftLeft({_within("active", DORMANCY_DAYS)}, 1) AS seen_before,
                    {_within("delivering", WEEK_DAYS)} AS delivering_week,
                    {_within("delivering", MONTH_DAYS)} AS delivering_month
                FROM ({_spread(masks)})
            )
        )
        ARRAY JOIN range({_HALF}) AS nth
        GROUP BY g0, nth ORDER BY g0, nth
    """


# A sum adds up two days at once, one in each half of a number: every other way to count bits took
# two to ten times as long, or as long to be understood as to run. Fewer than 2³² agents fit.
_BOTH = f"toUInt64({1 + (1 << 32)})"


def _in_halves(mask: str) -> str:
    """The days asked for: the first 16 in the lower half, the others in the upper one."""
    low = f"bitAnd(bitShiftRight({mask}, {LOOKBACK}), toUInt64({(1 << _HALF) - 1}))"
    return f"bitOr({low}, bitShiftLeft(bitShiftRight({mask}, {LOOKBACK + _HALF}), 32))"


def by_day(
    rows: Iterable[Row], names: Sequence[str], start: date, end: date
) -> Iterator[tuple[str, date, dict[str, int]]]:
    """Group, day and named counts, out of the rows of `counts_sql`."""
    for group, nth, *sums in rows:
        for half in (0, 1):
            day = start + timedelta(days=nth + half * _HALF)
            counts = [(total >> 32 * half) & ((1 << 32) - 1) for total in sums]
            if day < end:
                yield group, day, dict(zip(names, counts, strict=True))


def counted(day: date, counts: Mapping[str, int], **others: int) -> ActiveDay:
    """An ActiveDay out of COUNTS, and of others that were counted elsewhere."""
    returning = counts["active"] - counts["new"] - counts["resurrected"]
    return ActiveDay(date=day, returning=returning, **counts, **others)


def _spread(masks: str) -> str:
    """With `active_n` and `delivering_n`: the days that have one of the mask in the last n."""
    for n in (1, 2, 4, 8):
        doubled = ", ".join(
            f"bitOr({mask}, bitShiftLeft({mask}, {n})) AS {name}_{2 * n}"
            for name in ("active", "delivering")
            for mask in (name if n == 1 else f"{name}_{n}",)
        )
        masks = f"SELECT *, {doubled} FROM ({masks})"
    return masks


def _within(name: str, days: int) -> str:
    """The days that have a day of the mask among the `days`, 4 to 32, that end with them."""
    most = 1 << (days.bit_length() - 1)
    mask = f"{name}_{most}"
    return f"bitOr({mask}, bitShiftLeft({mask}, {days - most}))"
