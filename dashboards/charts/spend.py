"""Spend by day, stacked by what caused it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Protocol

import plotly.graph_objects as go

from billing.rating.money import EXACT, ZERO
from dashboards import formats
from dashboards.charts import theme
from dashboards.charts.table import Table


class SpendDay(Protocol):
    """What a day cost, by cause."""

    @property
    def date(self) -> date: ...
    @property
    def useful(self) -> Decimal: ...
    @property
    def repeated(self) -> Decimal: ...
    @property
    def failed(self) -> Decimal: ...
    @property
    def retried(self) -> Decimal: ...
    @property
    def chips(self) -> Decimal: ...
    @property
    def tools(self) -> Decimal: ...
    @property
    def unpriced(self) -> list[str]: ...


@dataclass(frozen=True, slots=True)
class Cause:
    """What money was spent for, from the bottom of the stack to its top."""

    name: str
    label: str
    colour: str


CAUSES = (
    Cause("useful", "Useful tokens", theme.USEFUL),
    Cause("repeated", "Repeated tokens", theme.REPEATED),
    Cause("failed", "Failed tokens", theme.FAILED),
    Cause("retried", "Retried tokens", theme.RETRIED),
    Cause("chips", "Chips", theme.CHIPS),
    Cause("tools", "Tools", theme.TOOLS),
)
_UNPRICED = "and usage without a price"


@dataclass(frozen=True, slots=True)
class LegendItem:
    """A cause with its sum over the days."""

    name: str
    label: str
    amount: Decimal


def figure(days: Sequence[SpendDay], currency: str) -> go.Figure:
    """A bar for each day; one with usage that has no price bears a question mark."""
    dates = [day.date.isoformat() for day in days]
    bars = [_bars(cause, days, dates, currency) for cause in CAUSES]
    highest = max((priced(day) for day in days), default=ZERO)
    return theme.figure(
        [*bars, _totals(days, dates, currency), _question_marks(days)],
        barmode="stack",
        bargap=theme.bar_gap(len(days)),
        xaxis=theme.day_axis([day.date for day in days]),
        yaxis=theme.axis(tickprefix=formats.symbol(currency), tickformat=_tick_format(highest)),
    )


def legend(days: Sequence[SpendDay]) -> list[LegendItem]:
    """The causes and what each came to."""
    return [LegendItem(c.name, c.label, _sum(getattr(d, c.name) for d in days)) for c in CAUSES]


def table(days: Sequence[SpendDay], currency: str) -> Table:
    """Each day's amounts, and its total where all of it has a price."""
    rows = [
        (
            formats.full_day(day.date),
            *(formats.money(getattr(day, cause.name), currency) for cause in CAUSES),
            _total_text(day, currency),
        )
        for day in days
    ]
    return Table(("Day", *(cause.label for cause in CAUSES), "Total"), rows)


def priced(day: SpendDay) -> Decimal:
    """What is known of a day's spend."""
    return _sum(getattr(day, cause.name) for cause in CAUSES)


def _bars(cause: Cause, days: Sequence[SpendDay], dates: list[str], currency: str) -> go.Bar:
    amounts = [getattr(day, cause.name) for day in days]
    return go.Bar(
        name=cause.label,
        x=dates,
        y=[f"{amount:f}" for amount in amounts],
        customdata=[formats.money(amount, currency) for amount in amounts],
        marker={
            "color": cause.colour,
            "line": {"color": theme.CARD, "width": theme.bar_edge(len(days))},
        },
        hovertemplate=f"{cause.label}  <b>%{{customdata}}</b><extra></extra>",
    )


def _totals(days: Sequence[SpendDay], dates: list[str], currency: str) -> go.Scatter:
    """Nothing to see; the total for the hover."""
    return go.Scatter(
        name="Total",
        mode="markers",
        marker={"opacity": 0},
        x=dates,
        y=[f"{priced(day):f}" for day in days],
        customdata=[_total_text(day, currency) for day in days],
        hovertemplate="Total  <b>%{customdata}</b><extra></extra>",
    )


def _question_marks(days: Sequence[SpendDay]) -> go.Scatter:
    unpriced = [day for day in days if day.unpriced]
    return go.Scatter(
        mode="text",
        x=[day.date.isoformat() for day in unpriced],
        y=[f"{priced(day):f}" for day in unpriced],
        text=["<b>?</b>"] * len(unpriced),
        textposition="top center",
        hoverinfo="skip",
    )


def _total_text(day: SpendDay, currency: str) -> str:
    known = formats.money(priced(day), currency)
    return f"{known} {_UNPRICED}" if day.unpriced else known


def _tick_format(highest: Decimal) -> str:
    """Whole units on a high axis, as many decimals as a low one needs."""
    if highest >= 10:
        return ",.0f"
    return ",.2f" if highest >= Decimal("0.1") else "~g"


def _sum(amounts: Iterable[Decimal]) -> Decimal:
    total = ZERO
    for amount in amounts:
        total = EXACT.add(total, amount)
    return total
