"""The level of chips against the baseline, on the tenant's clock."""

from datetime import date
from decimal import Decimal
from typing import Any

from dashboards.charts import bursts
from dashboards.charts.steps import Steps
from metering.usage.burst_level import CHIP
from metering.usage.period import Period, day_period, range_period

ZONE = "Europe/Berlin"
DAY = day_period(date(2026, 10, 14), ZONE)
MINUTE = 60_000_000


def figure(steps: Steps, period: Period = DAY, baseline: str = "2") -> Any:
    return bursts.figure(steps, period, ZONE, Decimal(baseline))


def test_levels_are_steps_that_last_until_the_period_ends() -> None:
    steps = [(DAY.start_us, 0), (DAY.start_us + 90 * MINUTE, 22 * CHIP + CHIP // 2)]
    (trace,) = figure(steps).data
    assert list(trace.y) == ["0", "22.5", "22.5"]
    # Midnight in Berlin is 22:00 of the day before in UTC.
    assert list(trace.x) == [
        "2026-10-13T22:00:00.000000",
        "2026-10-13T23:30:00.000000",
        "2026-10-14T22:00:00.000000",
    ]
    assert [text.replace("\u00a0", " ") for text in trace.customdata] == [
        "14 Oct, 00:00:00",
        "14 Oct, 01:30:00",
        "15 Oct, 00:00:00",
    ]
    assert trace.line.shape == "hv"


def test_the_baseline_is_drawn_and_named_where_there_is_one() -> None:
    (line,) = figure([(DAY.start_us, 0)], baseline="2.50").layout.shapes
    assert (line.y0, line.label.text) == ("2.5", "baseline 2.5")
    assert not figure([(DAY.start_us, 0)], baseline="0").layout.shapes


def test_the_axis_names_hours_of_the_tenants_clock() -> None:
    axis = figure([(DAY.start_us, 0)]).layout.xaxis
    assert list(axis.ticktext) == [f"{hour:02}:00" for hour in range(0, 24, 3)]
    assert axis.tickvals[1] == "2026-10-14T01:00:00"


def test_a_day_of_25_hours_has_its_hours_where_the_clock_shows_them() -> None:
    # On 25 October 2026 Berlin's clock goes back from 03:00 to 02:00.
    period = day_period(date(2026, 10, 25), ZONE)
    axis = figure([(period.start_us, 0)], period).layout.xaxis
    shown = dict(zip(axis.ticktext, axis.tickvals, strict=True))
    assert shown["00:00"] == "2026-10-24T22:00:00"
    assert shown["06:00"] == "2026-10-25T05:00:00"


def test_over_days_midnight_bears_the_date() -> None:
    period = range_period(date(2026, 10, 13), date(2026, 10, 15), ZONE)
    axis = figure([(period.start_us, 0)], period).layout.xaxis
    assert axis.ticktext[:3] == ("13 Oct", "06:00", "12:00")


def test_a_month_of_steps_is_thinned_and_keeps_its_peak() -> None:
    period = range_period(date(2026, 10, 1), date(2026, 11, 1), ZONE)
    steps = [(period.start_us + n * MINUTE, (n % 3) * CHIP) for n in range(40_000)]
    steps[777] = (steps[777][0], 99 * CHIP)
    (trace,) = figure(steps, period).data
    assert len(trace.x) <= 2_001
    assert "99" in trace.y


def test_the_table_has_the_peak_of_every_hour_with_work() -> None:
    noon = DAY.start_us + 12 * 60 * MINUTE
    times = [DAY.start_us, noon, noon + 90 * MINUTE]
    table = bursts.table(times, [0, 5 * CHIP, 0], DAY, ZONE, Decimal(2))
    plain = [tuple(cell.replace("\u00a0", " ") for cell in row) for row in table.rows]
    assert plain == [("14 Oct 2026, 12:00", "5", "3"), ("14 Oct 2026, 13:00", "5", "3")]
