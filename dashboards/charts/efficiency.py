"""The cache hit rate by day, against the line below which efficiency collapses."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

import plotly.graph_objects as go

from dashboards import formats
from dashboards.charts import theme
from dashboards.charts.table import Table
from metering.usage.efficiency import TokenSums

LINE = Decimal("0.7")
HitDay = tuple[date, TokenSums]


class Point(NamedTuple):
    """Where the line goes through; without a rate it is interrupted."""

    at: datetime
    rate: Decimal | None


def figure(days: Sequence[HitDay]) -> go.Figure:
    """One line; what of it is under 70 % is red and has a mark on each day."""
    under = [(day, rate) for day, rate in _rates(days) if rate < LINE]
    path = list(points(days))
    return theme.figure(
        [
            _path(path, theme.USEFUL, "solid"),
            _path([p if p.rate is None or p.rate <= LINE else _gap(p) for p in path], theme.FAILED),
            _marks(under),
            _hover(days),
        ],
        xaxis=theme.day_axis([day for day, _ in days]),
        yaxis=theme.axis(tickformat=".0%", rangemode="normal", range=_range(days)),
        # In the margin, where no rate can cross its name.
        shapes=[theme.threshold(f"{LINE}", "70 %", dash="dash", beside=True)],
        margin=theme.MARGIN | {"r": 40},
    )


def points(days: Sequence[HitDay]) -> Iterator[Point]:
    """The days' rates, and where the line between two days crosses 70 %."""
    path = [Point(_midnight(day), sums.hit_rate) for day, sums in days]
    for here, there in pairwise(path):
        yield here
        if crossing := _crossing(here, there):
            yield crossing
    yield from path[-1:]


def table(days: Sequence[HitDay]) -> Table:
    """Each day's rate with the tokens it is a share of."""
    rows = [
        (
            formats.full_day(day),
            formats.percent(sums.hit_rate),
            "under 70 %" if sums.hit_rate is not None and sums.hit_rate < LINE else "",
            formats.count(sums.cache_read_tokens),
            formats.count(sums.prompt_tokens),
            formats.percent(sums.repeated_share),
        )
        for day, sums in days
    ]
    columns = ("Day", "Hit rate", "70 % line", "From cache", "Prompt tokens", "Repeated")
    return Table(columns, rows)


def _crossing(here: Point, there: Point) -> Point | None:
    if here.rate is None or there.rate is None:
        return None
    if (here.rate - LINE) * (there.rate - LINE) >= 0:
        return None
    share = (LINE - here.rate) / (there.rate - here.rate)
    seconds = Decimal((there.at - here.at).total_seconds()) * share
    return Point(here.at + timedelta(seconds=int(seconds)), LINE)


def _gap(point: Point) -> Point:
    return Point(point.at, None)


def _path(path: list[Point], colour: str, dash: str = "solid") -> go.Scatter:
    return go.Scatter(
        mode="lines",
        x=[point.at.isoformat() for point in path],
        y=[None if point.rate is None else f"{point.rate:f}" for point in path],
        line={"color": colour, "width": 2, "dash": dash},
        hoverinfo="skip",
    )


def _marks(under: list[tuple[date, Decimal]]) -> go.Scatter:
    return go.Scatter(
        name="Under 70 %",
        mode="markers",
        x=[f"{day}" for day, _ in under],
        y=[f"{rate:f}" for _, rate in under],
        marker={"color": theme.FAILED, "size": 6, "symbol": "triangle-down"},
        hoverinfo="skip",
    )


def _hover(days: Sequence[HitDay]) -> go.Scatter:
    """A day's rate in words; also a lone day, which no line goes through."""
    rates = list(_rates(days))
    return go.Scatter(
        name="Hit rate",
        mode="markers",
        x=[f"{day}" for day, _ in rates],
        y=[f"{rate:f}" for _, rate in rates],
        marker={"color": theme.USEFUL, "size": 6 if len(rates) == 1 else 0.1},
        customdata=[_words(rate) for _, rate in rates],
        hovertemplate="Hit rate  <b>%{customdata}</b><extra></extra>",
    )


def _words(rate: Decimal) -> str:
    return formats.percent(rate) + (", under 70 %" if rate < LINE else "")


def _rates(days: Sequence[HitDay]) -> Iterator[tuple[date, Decimal]]:
    for day, sums in days:
        if sums.hit_rate is not None:
            yield day, sums.hit_rate


def _range(days: Sequence[HitDay]) -> list[str]:
    """From the ten per cent under the lowest rate, or under 60 %, to those over the highest."""
    rates = [rate for _, rate in _rates(days)]
    tenth = Decimal("0.1")
    low = min([*rates, LINE]) // tenth * tenth - tenth
    high = (max([*rates, LINE]) // tenth + 1) * tenth
    return [str(max(low, Decimal(0))), str(min(high, Decimal("1.02")))]


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=UTC).replace(tzinfo=None)
