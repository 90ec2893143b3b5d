"""Spend by day, stacked by the values it is grouped by: the dearest apart, the rest as one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import plotly.graph_objects as go

from billing.rating.money import EXACT, ZERO
from dashboards import formats
from dashboards.charts import theme
from dashboards.charts.table import Table

# A colour and a hatching each, so that neither is alone; the last one is that of the rest.
_LOOKS = (
    ("var(--series-1)", ""),
    ("var(--series-2)", "/"),
    ("var(--series-3)", "."),
    ("var(--series-4)", "\\"),
    ("var(--series-5)", "x"),
    ("var(--series-6)", "-"),
    ("var(--series-7)", "|"),
    ("var(--tools)", ""),
)
MOST = len(_LOOKS) - 1
_LEGEND_HEIGHT = 330


@dataclass(frozen=True, slots=True)
class Series:
    """What one value came to on each day."""

    name: str
    amounts: Sequence[Decimal]


def figure(days: Sequence[date], series: Sequence[Series], currency: str) -> go.Figure:
    """A bar for each day, with a part for each series, the first at the bottom."""
    dates = [day.isoformat() for day in days]
    looks = [*_LOOKS[: len(series)]] if len(series) <= MOST else list(_LOOKS)
    bars = [_bars(one, look, dates, currency) for one, look in zip(series, looks, strict=True)]
    return theme.figure(
        bars,
        barmode="stack",
        bargap=theme.bar_gap(len(days)),
        height=_LEGEND_HEIGHT,
        showlegend=True,
        legend={"orientation": "h", "y": -0.16, "x": 0, "traceorder": "normal"},
        xaxis=theme.day_axis(days),
        yaxis=theme.axis(tickprefix=formats.symbol(currency)),
    )


def table(days: Sequence[date], series: Sequence[Series], currency: str) -> Table:
    """Each day's amounts and their sum."""
    rows = []
    for n, day in enumerate(days):
        amounts = [one.amounts[n] for one in series]
        total = ZERO
        for amount in amounts:
            total = EXACT.add(total, amount)
        texts = (formats.money(amount, currency) for amount in (*amounts, total))
        rows.append((formats.full_day(day), *texts))
    return Table(("Day", *(one.name for one in series), "Total"), rows)


def _bars(series: Series, look: tuple[str, str], dates: list[str], currency: str) -> go.Bar:
    colour, hatching = look
    return go.Bar(
        name=series.name,
        x=dates,
        y=[f"{amount:f}" for amount in series.amounts],
        customdata=[formats.money(amount, currency) for amount in series.amounts],
        marker={
            "color": colour,
            "line": {"color": theme.CARD, "width": theme.bar_edge(len(dates))},
            "pattern": {
                "shape": hatching,
                "fillmode": "overlay",
                "fgcolor": theme.CARD,
                "size": 6,
                "solidity": 0.25,
            },
        },
        hovertemplate="%{fullData.name}  <b>%{customdata}</b><extra></extra>",
    )
