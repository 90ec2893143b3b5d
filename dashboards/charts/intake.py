"""What was received by hour or by day, stacked by what became of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import plotly.graph_objects as go

from dashboards import formats
from dashboards.charts import theme
from dashboards.charts.table import Table

_TICKS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeBar:
    """An hour or day on the tenant's clock, and in how many of its hours something is wrong."""

    start: datetime
    received: int = 0
    accepted: int = 0
    duplicates: int = 0
    conflicts: int = 0
    quarantined: int = 0
    unmetered: int = 0
    replayed: int = 0
    wrong_hours: int = 0


@dataclass(frozen=True, slots=True)
class Place:
    """Where an event can be, from the bottom of the stack to its top."""

    name: str
    label: str
    colour: str
    pattern: str


PLACES = (
    Place("accepted", "Accepted", theme.USEFUL, ""),
    Place("duplicates", "Duplicates", theme.TOOLS, "/"),
    Place("quarantined", "Quarantined", theme.FAILED, "x"),
)


def figure(bars: Sequence[IntakeBar], *, daily: bool) -> go.Figure:
    """A bar for each hour or day; one that does not add up bears an exclamation mark."""
    starts = [_at(bar) for bar in bars]
    traces = [_bars(place, bars, starts) for place in PLACES]
    return theme.figure(
        [*traces, _received(bars, starts), _marks(bars, starts)],
        barmode="stack",
        bargap=theme.bar_gap(len(bars)),
        xaxis=_axis(bars, daily),
        yaxis=theme.axis(tickformat=",d"),
    )


def table(bars: Sequence[IntakeBar], *, daily: bool) -> Table:
    """The counts of each hour or day in which anything was received."""
    names = (
        "received",
        "accepted",
        "duplicates",
        "conflicts",
        "quarantined",
        "unmetered",
        "replayed",
    )
    columns = (
        "Day" if daily else "Hour",
        "Received",
        "Accepted",
        "Duplicates",
        "of them conflicts",
        "Quarantined",
        "of them unmetered",
        "Out of quarantine",
        "Adds up",
    )
    rows = [
        (
            _label(bar, daily),
            *(formats.count(getattr(bar, name)) for name in names),
            "no" if bar.wrong_hours else "yes",
        )
        for bar in bars
        if bar.received or bar.wrong_hours
    ]
    return Table(columns, rows)


def _bars(place: Place, bars: Sequence[IntakeBar], starts: list[str]) -> go.Bar:
    return go.Bar(
        name=place.label,
        x=starts,
        y=[getattr(bar, place.name) for bar in bars],
        marker={
            "color": place.colour,
            "pattern": {
                "shape": place.pattern,
                "fillmode": "overlay",
                "fgcolor": theme.CARD,
                "fgopacity": 0.7,
                "size": 5,
            },
            "line": {"color": theme.CARD, "width": theme.bar_edge(len(bars))},
        },
        hovertemplate=f"{place.label}  <b>%{{y:,}}</b><extra></extra>",
    )


def _received(bars: Sequence[IntakeBar], starts: list[str]) -> go.Scatter:
    """Nothing to see; what was received for the hover."""
    return go.Scatter(
        name="Received",
        mode="markers",
        marker={"opacity": 0, "color": theme.MUTED},
        x=starts,
        y=[_height(bar) for bar in bars],
        customdata=[_words(bar) for bar in bars],
        hovertemplate="Received  <b>%{customdata}</b><extra></extra>",
    )


def _marks(bars: Sequence[IntakeBar], starts: list[str]) -> go.Scatter:
    wrong = [(bar, start) for bar, start in zip(bars, starts, strict=True) if bar.wrong_hours]
    return go.Scatter(
        mode="text",
        x=[start for _, start in wrong],
        y=[_height(bar) for bar, _ in wrong],
        text=["<b>!</b>"] * len(wrong),
        textposition="top center",
        hoverinfo="skip",
    )


def _words(bar: IntakeBar) -> str:
    wrong = ", which does not add up" if bar.wrong_hours else ""
    return f"{formats.count(bar.received)}{wrong}"


def _height(bar: IntakeBar) -> int:
    return sum(getattr(bar, place.name) for place in PLACES)


def _label(bar: IntakeBar, daily: bool) -> str:
    return formats.full_day(bar.start) if daily else formats.clock(bar.start)


def _at(bar: IntakeBar) -> str:
    """The tenant's clock as Plotly takes it: without a zone."""
    return f"{bar.start:%Y-%m-%dT%H:%M:%S}"


def _axis(bars: Sequence[IntakeBar], daily: bool) -> dict[str, object]:
    if daily:
        return theme.day_axis([bar.start.date() for bar in bars])
    step = next(n for n in (1, 3, 6, 12, 24) if len(bars) <= n * _TICKS)
    named = [bar for bar in bars if bar.start.hour % step == 0]
    return {
        **theme.time_axis(),
        "tickvals": [_at(bar) for bar in named],
        "ticktext": [
            formats.day(bar.start) if bar.start.hour == 0 else f"{bar.start:%H:%M}" for bar in named
        ],
        "tickangle": 0,
        "hoverformat": "%-d %b %Y, %H:%M",
    }
