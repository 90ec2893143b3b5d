"""How every chart looks. Colours are names that the style sheet has a value of for each theme."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import plotly.graph_objects as go

USEFUL = "var(--useful)"
REPEATED = "var(--repeated)"
FAILED = "var(--failed)"
RETRIED = "var(--retried)"
CHIPS = "var(--chips)"
CHIPS_PALE = "var(--chips-pale)"
TOOLS = "var(--tools)"
TEXT = "var(--text)"
MUTED = "var(--muted)"
GRID = "var(--grid)"
CARD = "var(--card)"

_FONT = "Inter, system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"
MARGIN = {"l": 48, "r": 12, "t": 12, "b": 28}
_CLEAR = "rgba(0,0,0,0)"
_MAX_TICKS = 7
_FEW_BARS = 62
_DAY = timedelta(days=1)


def figure(traces: list[Any], **layout: Any) -> go.Figure:
    """A figure on the card's ground: few lines, nothing to drag, one hover for all series."""
    return go.Figure(data=traces, layout=_layout() | layout)


def _layout() -> dict[str, Any]:
    return {
        "template": "none",
        "paper_bgcolor": _CLEAR,
        "plot_bgcolor": _CLEAR,
        "font": {"family": _FONT, "size": 12, "color": MUTED},
        "margin": MARGIN,
        "showlegend": False,
        "dragmode": False,
        "hovermode": "x unified",
        "hoverlabel": {"bgcolor": CARD, "bordercolor": GRID, "font": {"color": TEXT, "size": 12}},
    }


def axis(**settings: Any) -> dict[str, Any]:
    """A value axis: hairlines across, no line of its own."""
    return {
        "type": "linear",
        "gridcolor": GRID,
        "zerolinecolor": GRID,
        "showline": False,
        "fixedrange": True,
        "nticks": 6,
        "rangemode": "tozero",
    } | settings


def day_axis(days: Sequence[date]) -> dict[str, Any]:
    """An axis of whole days with a few of them named; a day is as wide as a bar."""
    step = next(n for n in (1, 2, 7, 14, 28, 91, 182, 366) if len(days) <= n * _MAX_TICKS)
    named = days[step // 2 :: step]
    return {
        **time_axis(),
        "tickvals": [day.isoformat() for day in named],
        "ticktext": [f"{day:%b %Y}" if step >= 28 else f"{day.day} {day:%b}" for day in named],
        "tickangle": 0,
        "hoverformat": "%a %-d %b %Y",
        "range": [f"{days[0] - _DAY}T12:00", f"{days[-1]}T12:00"],
    }


def bar_gap(bars: int) -> float:
    """Room between bars, where there is any."""
    return 0.24 if bars <= _FEW_BARS else 0.0


def bar_edge(bars: int) -> float:
    """A hairline around each part of a bar; around thin ones it would be all there is."""
    return 0.5 if bars <= _FEW_BARS else 0.0


def time_axis() -> dict[str, Any]:
    """What all axes of time have: no grid, a thin line under the pointer."""
    return {
        "type": "date",
        "showgrid": False,
        "linecolor": GRID,
        "fixedrange": True,
        "spikecolor": MUTED,
        "spikethickness": 1,
        "spikedash": "solid",
    }


def threshold(at: str, name: str, *, dash: str, beside: bool = False) -> dict[str, Any]:
    """A horizontal line across the chart, its name above the right end or in the margin beside."""
    line = {
        "type": "line",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "y0": at,
        "y1": at,
        "line": {"color": MUTED, "width": 1.5, "dash": dash},
    }
    label = {"text": name, "textposition": "end", "font": {"color": MUTED, "size": 12}}
    place = {"xanchor": "left", "yanchor": "middle"} if beside else {"yanchor": "bottom"}
    return line | {"label": label | place}
