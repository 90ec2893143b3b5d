"""What a range costs as bursts, with its parts, beside what reserved chips would have cost."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import plotly.graph_objects as go

from billing.rating.money import EXACT, ZERO, plain
from dashboards import formats
from dashboards.charts import theme
from dashboards.charts.table import Table

PARTS = ("Baseline", "Bursts", "Idle", "Cold starts", "Reserved")
_COLOURS = (theme.USEFUL, theme.CHIPS, theme.REPEATED, theme.RETRIED, theme.MUTED)


@dataclass(frozen=True, slots=True)
class Bar:
    """A way to pay for the same work: what it is called, and an amount for each of `PARTS`."""

    name: str
    amounts: tuple[Decimal, ...]

    @property
    def total(self) -> Decimal:
        total = ZERO
        for amount in self.amounts:
            total = EXACT.add(total, amount)
        return total


def figure(bars: Sequence[Bar], currency: str) -> go.Figure:
    """A bar for each way, stacked by part, with its total above it."""
    names = [bar.name for bar in bars]
    places = list(range(len(bars)))
    traces = [
        go.Bar(
            name=part,
            x=places,
            y=[plain(bar.amounts[n]) for bar in bars],
            marker={"color": colour},
            customdata=[formats.money(bar.amounts[n], currency) for bar in bars],
            hovertemplate=f"{part}  <b>%{{customdata}}</b><extra></extra>",
        )
        for n, (part, colour) in enumerate(zip(PARTS, _COLOURS, strict=True))
    ]
    totals = go.Scatter(
        mode="text",
        x=places,
        y=[plain(bar.total) for bar in bars],
        text=[formats.money(bar.total, currency) for bar in bars],
        textposition="top center",
        textfont={"color": theme.TEXT},
        hoverinfo="skip",
        cliponaxis=False,
    )
    return theme.figure(
        [*traces, totals],
        barmode="stack",
        bargap=0.4,
        margin=theme.MARGIN | {"t": 28},
        xaxis=theme.axis(
            showgrid=False,
            zeroline=False,
            tickvals=places,
            ticktext=names,
            tickangle=0,
            range=["-0.6", plain(Decimal(len(bars)) - Decimal("0.4"))],
        ),
        yaxis=theme.axis(tickprefix=formats.symbol(currency)),
    )


def table(bars: Sequence[Bar], currency: str) -> Table:
    """Each way with its parts and its total."""
    rows = [
        (bar.name, *(formats.money(amount, currency) for amount in (*bar.amounts, bar.total)))
        for bar in bars
    ]
    return Table(("Paid as", *PARTS, "Total"), rows)
