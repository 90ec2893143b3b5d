"""What came in as stacked bars, with what does not add up marked."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from dashboards.charts import intake
from dashboards.charts.intake import IntakeBar

BERLIN = ZoneInfo("Europe/Berlin")
START = datetime(2026, 10, 1, tzinfo=BERLIN)
BARS = [
    IntakeBar(start=START, received=1200, accepted=1000, duplicates=150, quarantined=50),
    IntakeBar(start=START + timedelta(days=1)),
    IntakeBar(
        start=START + timedelta(days=2),
        received=5,
        accepted=3,
        duplicates=1,
        conflicts=1,
        wrong_hours=1,
    ),
]


def test_the_parts_are_stacked_and_told_apart_by_pattern_too() -> None:
    drawn = intake.figure(BARS, daily=True)
    bars = [trace for trace in drawn.data if trace.type == "bar"]
    assert [list(bar.y) for bar in bars] == [[1000, 0, 3], [150, 0, 1], [50, 0, 0]]
    assert drawn.layout.barmode == "stack"
    assert len({bar.marker.pattern.shape for bar in bars}) == 3


def test_the_hover_has_every_count_and_a_fault_has_a_mark() -> None:
    received, marks = intake.figure(BARS, daily=True).data[3:]
    assert received.customdata == ("1,200", "0", "5, which does not add up")
    assert (list(marks.x), list(marks.y)) == (["2026-10-03T00:00:00"], [4])


def test_hours_are_named_by_the_tenants_clock() -> None:
    hours = [IntakeBar(start=START + timedelta(hours=n), received=n) for n in range(48)]
    axis = intake.figure(hours, daily=False).layout.xaxis
    assert axis.ticktext == (
        "1\u00a0Oct",
        "06:00",
        "12:00",
        "18:00",
        "2\u00a0Oct",
        "06:00",
        "12:00",
        "18:00",
    )


def test_the_table_leaves_out_hours_in_which_nothing_came() -> None:
    table = intake.table(BARS, daily=True)
    assert [row[0] for row in table.rows] == ["1\u00a0Oct\u00a02026", "3\u00a0Oct\u00a02026"]
    assert table.rows[0][1:] == ("1,200", "1,000", "150", "0", "50", "0", "0", "yes")
    assert table.rows[1][-1] == "no"
    assert intake.table(BARS, daily=False).rows[0][0] == "1\u00a0Oct\u00a02026, 00:00"
