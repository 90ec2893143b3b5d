"""The amount of a range by how many chips its baseline had been."""

from collections.abc import Sequence
from decimal import Decimal

import plotly.graph_objects as go

from billing.rating.money import plain
from dashboards import formats
from dashboards.charts import theme
from dashboards.charts.table import Table

Curve = Sequence[tuple[Decimal, Decimal]]
_TICKS = 6


def figure(
    curve: Curve, best: Decimal, current: tuple[Decimal, Decimal] | None, currency: str
) -> go.Figure:
    """Baselines in chips and their amounts; the cheapest and the one in force are marked."""
    line = go.Scatter(
        name="Amount",
        mode="lines",
        x=[plain(baseline) for baseline, _ in curve],
        y=[plain(amount) for _, amount in curve],
        line={"color": theme.CHIPS, "width": 1.5},
        customdata=[formats.money(amount, currency) for _, amount in curve],
        hovertemplate="%{x} chips  <b>%{customdata}</b><extra></extra>",
    )
    marks = [(at, amount, "least cost", "circle") for at, amount in curve if at == best]
    if current:
        marks.append((*current, "in force", "circle-open"))
    return theme.figure(
        [line, *(_mark(*mark, currency) for mark in marks)],
        hovermode="closest",
        xaxis=_axis(curve),
        yaxis=theme.axis(tickprefix=formats.symbol(currency)),
    )


def table(curve: Curve, best: Decimal, currency: str) -> Table:
    """Each baseline of the curve."""
    rows = [
        (
            f"{formats.count(baseline)}{' (least cost)' if baseline == best else ''}",
            formats.money(amount, currency),
        )
        for baseline, amount in curve
    ]
    return Table(("Baseline, chips", "Amount"), rows)


def _mark(at: Decimal, amount: Decimal, name: str, symbol: str, currency: str) -> go.Scatter:
    return go.Scatter(
        name=name,
        mode="markers",
        x=[plain(at)],
        y=[plain(amount)],
        marker={"color": theme.TEXT, "size": 10, "symbol": symbol},
        customdata=[formats.money(amount, currency)],
        hovertemplate=f"{name}: %{{x}} chips  <b>%{{customdata}}</b><extra></extra>",
    )


def _axis(curve: Curve) -> dict[str, object]:
    named = [baseline for baseline, _ in curve][:: -(-len(curve) // _TICKS)]
    return theme.axis(
        showgrid=False,
        tickvals=[plain(baseline) for baseline in named],
        ticktext=[f"{round(baseline, 2):f}" for baseline in named],
        title={"text": "baseline, chips"},
    )
