"""Burst credits over time: earned below the baseline, spent above it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import plotly.graph_objects as go

from billing.rating.money import plain
from dashboards import formats
from dashboards.charts import theme
from dashboards.charts.bursts import time_axis
from dashboards.charts.steps import Steps, thin
from dashboards.charts.table import Table
from metering.usage.burst_terms import CREDIT_PLACES
from metering.usage.exact import from_units
from metering.usage.period import EPOCH, Period

_ROWS = 48


@dataclass(frozen=True, slots=True)
class _Point:
    at: datetime
    credits: Decimal


def figure(line: Steps, period: Period, zone: str) -> go.Figure:
    """Moments in µs and 10^-42 chip-seconds, joined by straight lines."""
    points = _points(line, period, ZoneInfo(zone), most=2000)
    trace = go.Scatter(
        name="Credits",
        mode="lines",
        x=[f"{point.at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}" for point in points],
        y=[plain(point.credits) for point in points],
        line={"color": theme.USEFUL, "width": 1.5},
        customdata=[f"{formats.day(point.at)}, {point.at:%H:%M:%S}" for point in points],
        hovertemplate="%{customdata}  <b>%{y} chip-seconds</b><extra></extra>",
    )
    return theme.figure(
        [trace], hovermode="x", xaxis=time_axis(period, ZoneInfo(zone)), yaxis=theme.axis()
    )


def table(line: Steps, period: Period, zone: str) -> Table:
    """The credits where they turned, as many of these as can be read."""
    points = _points(line, period, ZoneInfo(zone), most=_ROWS)
    rows = [(f"{formats.clock(p.at)}:{p.at:%S}", formats.count(p.credits)) for p in points]
    return Table(("Moment", "Credits, chip-seconds"), rows)


def _points(line: Steps, period: Period, clock: ZoneInfo, most: int) -> list[_Point]:
    return [
        _Point(
            (EPOCH + timedelta(microseconds=at)).astimezone(clock),
            round(from_units(credit, CREDIT_PLACES), 3),
        )
        for at, credit in thin(line, period.start_us, period.end_us + 1, most)
    ]
