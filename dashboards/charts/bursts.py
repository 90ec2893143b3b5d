"""The level of chips in use over a day or a few, against the baseline of the contract."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import plotly.graph_objects as go

from billing.rating.money import plain
from dashboards import formats
from dashboards.charts import theme
from dashboards.charts.steps import Steps, thin, window
from dashboards.charts.table import Table
from metering.usage.burst_level import CHIP_PLACES
from metering.usage.exact import from_units
from metering.usage.period import EPOCH, Period, clock_hours

_TICKS = 8


def figure(steps: Steps, period: Period, zone: str, baseline: Decimal) -> go.Figure:
    """Steps in 10^-18 chips. The axis is linear in time; its labels are the tenant's clock."""
    shown = thin(steps, period.start_us, period.end_us)
    # The last level lasts until the period ends.
    drawn = [*shown, (period.end_us, shown[-1][1])]
    levels = [from_units(level, CHIP_PLACES) for _, level in drawn]
    clock = ZoneInfo(zone)
    trace = go.Scatter(
        name="Chips in use",
        mode="lines",
        x=[_moment(at).strftime("%Y-%m-%dT%H:%M:%S.%f") for at, _ in drawn],
        y=[f"{level:f}" for level in levels],
        line={"color": theme.CHIPS, "width": 1.5, "shape": "hv"},
        fill="tozeroy",
        fillcolor=theme.CHIPS_PALE,
        customdata=[_hover(_moment(at).astimezone(clock)) for at, _ in drawn],
        hovertemplate="%{customdata}  <b>%{y} chips</b><extra></extra>",
    )
    lines = [theme.threshold(plain(baseline), f"baseline {plain(baseline)}", dash="dot")]
    return theme.figure(
        [trace],
        hovermode="x",
        xaxis=time_axis(period, clock),
        yaxis=theme.axis(nticks=6),
        shapes=lines if baseline else [],
    )


def table(
    times: Sequence[int], levels: Sequence[int], period: Period, zone: str, baseline: Decimal
) -> Table:
    """The highest level of each clock hour in which there was any work."""
    rows = []
    clock = ZoneInfo(zone)
    for hour in clock_hours(period, zone):
        peak = from_units(_peak(times, levels, hour), CHIP_PLACES)
        if peak:
            above = max(peak - baseline, Decimal(0))
            start = hour.start.astimezone(clock)
            rows.append((formats.clock(start), formats.count(peak), formats.count(above)))
    return Table(("Hour", "Highest level", "Above baseline"), rows)


def _peak(times: Sequence[int], levels: Sequence[int], hour: Period) -> int:
    return max((level for _, level in window(times, levels, hour.start_us, hour.end_us)), default=0)


def time_axis(period: Period, clock: ZoneInfo) -> dict[str, object]:
    """Full hours of the tenant's clock, evenly picked; over days the date stands with midnight."""
    hours = [hour.start.astimezone(clock) for hour in clock_hours(period, clock.key)]
    step = next(n for n in (1, 3, 6, 12, 24, 48, 168, 744) if len(hours) <= n * _TICKS)
    named = [hour for hour in hours if _full_hours(hour) % step == 0]
    days = len(hours) > 30
    return {
        **theme.time_axis(),
        "tickvals": [hour.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S") for hour in named],
        "ticktext": [_tick(hour, days) for hour in named],
        "tickangle": 0,
        "range": [f"{m.astimezone(UTC):%Y-%m-%dT%H:%M:%S}" for m in (period.start, period.end)],
    }


def _full_hours(moment: datetime) -> int:
    return moment.toordinal() * 24 + moment.hour


def _tick(hour: datetime, days: bool) -> str:
    return f"{hour.day} {hour:%b}" if days and hour.hour == 0 else f"{hour:%H:%M}"


def _hover(moment: datetime) -> str:
    return f"{formats.day(moment)}, {moment:%H:%M:%S}"


def _moment(at: int) -> datetime:
    return EPOCH + timedelta(microseconds=at)
