"""Daily active agents: delivering ones as bars, active ones as a line."""

from datetime import date

from dashboards.charts import active
from metering.usage.active import ActiveDay

DAYS = [
    ActiveDay(date=date(2026, 10, 1), active=530, delivering=412, new=30, returning=500),
    ActiveDay(date=date(2026, 10, 2), active=1200, delivering=0, dormant=7),
]


def test_both_counts_are_drawn_for_every_day() -> None:
    delivering, line = active.figure(DAYS).data
    assert (list(delivering.y), list(line.y)) == ([412, 0], [530, 1200])
    assert list(delivering.x) == list(line.x) == ["2026-10-01", "2026-10-02"]
    # Told apart by shape and dash too, not by colour alone.
    assert (delivering.type, line.line.dash, line.marker.symbol) == ("bar", "dot", "diamond")


def test_the_table_also_says_who_is_new_back_and_away() -> None:
    table = active.table(DAYS)
    assert table.columns[1:] == (
        "Delivering",
        "Active",
        "New",
        "Returning",
        "Resurrected",
        "Dormant",
    )
    assert [row[1:] for row in table.rows] == [
        ("412", "530", "30", "500", "0", "0"),
        ("0", "1,200", "0", "0", "0", "7"),
    ]
