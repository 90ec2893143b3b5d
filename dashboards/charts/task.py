"""One task as a waterfall: its model calls, tools and chips, one under the other along time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from zoneinfo import ZoneInfo

import plotly.graph_objects as go

from dashboards import formats
from dashboards.charts import theme
from dashboards.charts.table import Table

UNPRICED = "unpriced"
_COLOURS = {
    "agent.tokens": theme.USEFUL,
    "agent.chip": theme.CHIPS,
    "agent.tool": theme.TOOLS,
    "agent.cache": theme.REPEATED,
}
# A bar that would be thinner could not be seen nor pointed at.
_THINNEST = 250
_TICKS = 6
_ROW_PIXELS = 22
_MILLISECOND = timedelta(milliseconds=1)
_SECOND = timedelta(seconds=1)
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Something the task did, from `start` to `end`; `cost` is None where it has no price."""

    kind: str
    name: str
    start: datetime
    end: datetime
    detail: str
    cost: Decimal | None


def figure(steps: Sequence[Step], currency: str, zone: str) -> go.Figure:
    """A bar for each step, the first on top. The axis is linear in time, in the tenant's clock."""
    first = min(step.start for step in steps)
    last = max(step.end for step in steps)
    thinnest = max((last - first) / _THINNEST, _MILLISECOND)
    bars = go.Bar(
        orientation="h",
        y=list(range(len(steps))),
        base=[_moment(step.start) for step in steps],
        x=[max(step.end - step.start, thinnest) / _MILLISECOND for step in steps],
        marker={"color": [_COLOURS.get(step.kind, theme.MUTED) for step in steps]},
        customdata=[_words(step, currency, ZoneInfo(zone)) for step in steps],
        hovertemplate="%{customdata}<extra></extra>",
    )
    return theme.figure(
        [bars],
        hovermode="closest",
        height=max(120, _ROW_PIXELS * len(steps) + 60),
        bargap=0.3,
        xaxis=_time_axis(first, last + thinnest, ZoneInfo(zone)),
        yaxis={
            "autorange": "reversed",
            "showticklabels": False,
            "showgrid": False,
            "zeroline": False,
            "fixedrange": True,
        },
        margin=theme.MARGIN | {"l": 12},
    )


def table(steps: Sequence[Step], currency: str, zone: str) -> Table:
    """Each step with when it began, how long it took and what it cost."""
    clock = ZoneInfo(zone)
    rows = [
        (
            f"{step.start.astimezone(clock):%d %b %H:%M:%S}",
            step.name,
            _length(step.end - step.start),
            step.detail,
            cost(step.cost, currency),
        )
        for step in steps
    ]
    return Table(("Began", "What", "Took", "", "Cost"), rows)


def cost(amount: Decimal | None, currency: str) -> str:
    """As a price of one thing: small ones keep three digits."""
    return UNPRICED if amount is None else formats.rate(amount, currency)


def _words(step: Step, currency: str, clock: ZoneInfo) -> str:
    begun = f"{step.start.astimezone(clock):%H:%M:%S}, {_length(step.end - step.start)}"
    name = step.name.replace("<", "‹")
    return f"<b>{name}</b>  {cost(step.cost, currency)}<br>{step.detail}<br>{begun}"


def _length(length: timedelta) -> str:
    milliseconds = length // _MILLISECOND
    if milliseconds < 1000:
        return f"{milliseconds}{formats.NBSP}ms"
    if milliseconds < 60_000:
        return f"{milliseconds // 100 / 10:.1f}{formats.NBSP}s"
    return formats.duration(milliseconds // 1000)


def _time_axis(first: datetime, last: datetime, clock: ZoneInfo) -> dict[str, object]:
    step = next(step for step in _steps() if (last - first) / step <= _TICKS)
    named = list(_named(first, last, step, clock))
    over_days = first.astimezone(clock).date() != last.astimezone(clock).date()
    shown = "%d %b %H:%M" if over_days and step >= _MINUTE else "%H:%M:%S"
    return theme.time_axis() | {
        "tickvals": [_moment(at) for at in named],
        "ticktext": [_tick(at.astimezone(clock), shown, step) for at in named],
        "tickangle": 0,
        "range": [_moment(first), _moment(last)],
    }


def _steps() -> Iterator[timedelta]:
    """Lengths that a clock is read in, growing."""
    for scale in (1, 10, 100):
        yield from (n * scale * _MILLISECOND for n in (1, 2, 5))
    for unit in (_SECOND, _MINUTE):
        yield from (n * unit for n in (1, 2, 5, 10, 15, 30))
    yield from (timedelta(hours=n) for n in (1, 2, 3, 6, 12))
    yield from (timedelta(days=2**n) for n in count())


def _named(first: datetime, last: datetime, step: timedelta, clock: ZoneInfo) -> Iterator[datetime]:
    """Every so often from the midnight before, as far as it can be seen."""
    local = first.astimezone(clock)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)
    at = midnight - (midnight - first) // step * step
    while at <= last:
        yield at
        at += step


def _tick(at: datetime, shown: str, step: timedelta) -> str:
    text = f"{at:{shown}}"
    return text if step >= _SECOND else f"{text}.{at.microsecond // 1000:03}"


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
