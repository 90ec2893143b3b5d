"""What a bill is made of: each cause of cost begins where the one before it ends."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

import plotly.graph_objects as go

from billing.rating.money import EXACT, ROUNDED, ZERO
from dashboards import formats
from dashboards.charts import theme
from dashboards.charts.spend import CAUSES, Cause
from dashboards.charts.table import Table

_SUM = Cause("total", "Total", theme.MUTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """What is known of a cost, by cause; what has no price is in none of them."""

    useful: Decimal = ZERO
    repeated: Decimal = ZERO
    failed: Decimal = ZERO
    retried: Decimal = ZERO
    chips: Decimal = ZERO
    tools: Decimal = ZERO

    @property
    def total(self) -> Decimal:
        total = ZERO
        for cause in CAUSES:
            total = EXACT.add(total, getattr(self, cause.name))
        return total


class Step(NamedTuple):
    """A cause, where its bar begins, and how long it is."""

    cause: Cause
    start: Decimal
    amount: Decimal


def steps(bill: Bill) -> Iterator[Step]:
    """The causes from useful tokens to tools, then all of them from 0."""
    start = ZERO
    for cause in CAUSES:
        amount = getattr(bill, cause.name)
        yield Step(cause, start, amount)
        start = EXACT.add(start, amount)
    yield Step(_SUM, ZERO, start)


def figure(bill: Bill, currency: str) -> go.Figure:
    """A horizontal bar for each cause, its amount beside it, joined by thin lines."""
    found = list(steps(bill))
    labels = [step.cause.label for step in found]
    high = bill.total
    return theme.figure(
        [_bars(found, bill.total, currency), _joints(found)],
        hovermode="closest",
        bargap=0.3,
        # Room on the right for the amount of a bar that ends there.
        xaxis=theme.axis(
            tickprefix=formats.symbol(currency),
            tickformat="~g" if high < 1 else ",.2~f",
            nticks=5,
            range=["0", f"{high * Decimal('1.25') or Decimal(1):f}"],
        ),
        yaxis={
            "type": "linear",
            "tickvals": list(range(len(found))),
            "ticktext": labels,
            "range": [len(found) - 0.4, -0.6],
            "showgrid": False,
            "zeroline": False,
            "fixedrange": True,
        },
        margin=theme.MARGIN | {"l": 116},
    )


def table(bill: Bill, currency: str) -> Table:
    """Each cause's amount, its share of the whole, and the sum down to it."""
    total = bill.total
    rows = [
        (
            step.cause.label,
            formats.money(step.amount, currency),
            formats.percent(ROUNDED.divide(step.amount, total)) if total else formats.NONE,
            formats.money(EXACT.add(step.start, step.amount), currency),
        )
        for step in steps(bill)
    ]
    return Table(("Cause", "Amount", "Share", "Sum so far"), rows)


def _bars(found: list[Step], total: Decimal, currency: str) -> go.Bar:
    money = [formats.money(step.amount, currency) for step in found]
    shares = [formats.percent(ROUNDED.divide(s.amount, total)) if total else "" for s in found]
    return go.Bar(
        orientation="h",
        y=list(range(len(found))),
        x=[f"{step.amount:f}" for step in found],
        base=[f"{step.start:f}" for step in found],
        marker={"color": [step.cause.colour for step in found]},
        text=money,
        textposition="outside",
        textfont={"color": theme.TEXT},
        cliponaxis=False,
        customdata=[
            f"{step.cause.label}  <b>{amount}</b>  {share}"
            for step, amount, share in zip(found, money, shares, strict=True)
        ],
        hovertemplate="%{customdata}<extra></extra>",
    )


def _joints(found: list[Step]) -> go.Scatter:
    """From the end of each bar down to the next one."""
    x: list[str | None] = []
    y: list[float | None] = []
    for place, step in enumerate(found[:-1]):
        end = f"{EXACT.add(step.start, step.amount):f}"
        x += [end, end, None]
        y += [place + 0.35, place + 0.65, None]
    line = {"color": theme.MUTED, "width": 1, "dash": "dot"}
    return go.Scatter(mode="lines", x=x, y=y, line=line, hoverinfo="skip")
