"""Daily active agents: how many were active, and how many of them delivered."""

from collections.abc import Sequence

import plotly.graph_objects as go

from dashboards import formats
from dashboards.charts import theme
from dashboards.charts.table import Table
from metering.usage.active import ActiveDay


def figure(days: Sequence[ActiveDay]) -> go.Figure:
    """Delivering agents as bars, active ones as a dashed line above them."""
    dates = [day.date.isoformat() for day in days]
    delivering = go.Bar(
        name="Delivering",
        x=dates,
        y=[day.delivering for day in days],
        marker={"color": theme.USEFUL},
        hovertemplate="Delivering  <b>%{y:,}</b><extra></extra>",
    )
    active = go.Scatter(
        name="Active",
        mode="lines+markers",
        x=dates,
        y=[day.active for day in days],
        line={"color": theme.MUTED, "width": 1.5, "dash": "dot"},
        marker={"color": theme.MUTED, "size": 4, "symbol": "diamond"},
        hovertemplate="Active  <b>%{y:,}</b><extra></extra>",
    )
    return theme.figure(
        [delivering, active],
        bargap=theme.bar_gap(len(days)),
        xaxis=theme.day_axis([day.date for day in days]),
        yaxis=theme.axis(tickformat=",d"),
    )


def table(days: Sequence[ActiveDay]) -> Table:
    """Each day's agents."""
    columns = ("Day", "Delivering", "Active", "New", "Returning", "Resurrected", "Dormant")
    names = [column.lower() for column in columns[1:]]
    rows = [
        (formats.full_day(day.date), *(formats.count(getattr(day, name)) for name in names))
        for day in days
    ]
    return Table(columns, rows)
