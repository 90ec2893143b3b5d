"""The amount of a range by how many chips its baseline had been."""

from collections.abc import Iterator, Sequence
from decimal import Decimal

import plotly.graph_objects as go

from billing.rating.money import EXACT, plain
from dashboards import formats
from dashboards.charts import theme
from dashboards.charts.table import Table

Curve = Sequence[tuple[Decimal, Decimal]]
_TICKS = 6
_SO_MUCH = Decimal(3)


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
        margin=theme.MARGIN | {"b": 48},
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


def near(curve: Curve, amount: Decimal) -> Curve:
    """The part of a curve where amounts are of this size; beyond it nobody would choose."""
    most = EXACT.multiply(amount, _SO_MUCH)
    shown = [point for point in curve if point[1] <= most]
    return shown if len(shown) > 1 else curve


def _axis(curve: Curve) -> dict[str, object]:
    last = curve[-1][0] or Decimal(1)
    step = next(s for s in _tick_steps(last) if last / s <= _TICKS)
    named = [step * n for n in range(int(last / step) + 1)]
    return theme.axis(
        showgrid=False,
        tickvals=[plain(baseline) for baseline in named],
        ticktext=[plain(baseline) for baseline in named],
        tickangle=0,
        title={"text": "baseline, chips", "font": {"size": 12}, "standoff": 8},
    )


def _tick_steps(last: Decimal) -> Iterator[Decimal]:
    """1, 2 and 5 of each power of ten, from far below a number on."""
    step = Decimal(1).scaleb(last.adjusted() - 2)
    while True:
        yield from (step, 2 * step, 5 * step)
        step = step.scaleb(1)
