"""The overview put together from rows: cards, charts with their tables, sentences, agents."""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from billing.rating.money import plain
from dashboards import formats
from dashboards.agents import AgentTable, agent_table
from dashboards.bursts import BiggestBurst, biggest_burst
from dashboards.cards import UNPRICED, Card, cards
from dashboards.changes import changes
from dashboards.charts import active, bursts, efficiency, spend
from dashboards.charts.table import Table
from dashboards.ranges import DateRange
from dashboards.rows import OverviewRows
from dashboards.said import Said
from metering.models import Tenant
from metering.usage.efficiency import TokenSums

Fact = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Chart:
    """A figure as JSON, what it shows in words, and the table behind it."""

    name: str
    figure: dict[str, Any]
    words: str
    table: Table

    @property
    def json_id(self) -> str:
        """Where in the page the figure stands as JSON."""
        return f"{self.name}-figure"


@dataclass(frozen=True, slots=True)
class BurstPart:
    """The chart of the biggest burst, what it is of, and the range in figures."""

    chart: Chart
    chip: str
    title: str
    note: str
    facts: list[Fact]


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """What the template shows."""

    cards: list[Card]
    spend: Chart
    legend: list[tuple[str, str, str]]
    changes: list[Said]
    active: Chart
    hit_rate: Chart
    burst: BurstPart | None
    agents: AgentTable


def overview(rows: OverviewRows, tenant: Tenant, dates: DateRange) -> Overview:
    """The whole page of a range."""
    currency = tenant.currency
    burst = biggest_burst(rows.bursts, dates)
    return Overview(
        cards=cards(rows, dates, currency),
        spend=_spend_chart(rows, currency),
        legend=[
            (item.name, item.label, formats.money(item.amount, currency))
            for item in spend.legend(rows.spend)
        ],
        changes=changes(rows, burst, dates, currency),
        active=_active_chart(rows, dates),
        hit_rate=_hit_chart(rows),
        burst=None if burst is None else burst_part(burst, dates, currency),
        agents=agent_table(rows, dates, currency),
    )


def chart_of(name: str, figure: Any, words: str, table: Table) -> Chart:
    """A figure with its words and its table."""
    return Chart(name, figure.to_plotly_json(), words, table)


def _spend_chart(rows: OverviewRows, currency: str) -> Chart:
    words = f"Bars: spend on each of {len(rows.spend)} days, stacked by what caused it"
    figure = spend.figure(rows.spend, currency)
    return chart_of("spend-by-day", figure, words, spend.table(rows.spend, currency))


def _active_chart(rows: OverviewRows, dates: DateRange) -> Chart:
    days = [day for day in rows.active if day.date >= dates.start]
    words = "Bars: delivering agents on each day; dotted line: active agents"
    return chart_of("active-agents", active.figure(days), words, active.table(days))


def _hit_chart(rows: OverviewRows) -> Chart:
    sums = {row.group["day"]: row.sums for row in rows.by_day}
    days = [(day.date, sums.get(day.date.isoformat(), TokenSums())) for day in rows.spend]
    words = "Line: cache hit rate of each day, against a line at 70 %"
    return chart_of("hit-rate", efficiency.figure(days), words, efficiency.table(days))


def burst_part(burst: BiggestBurst, dates: DateRange, currency: str) -> BurstPart:
    """The level of chips around the biggest burst, and what the range came to."""
    level, row = burst.row.usage.level, burst.row
    figure = bursts.figure(burst.steps, burst.shown, dates.zone, row.baseline)
    table = bursts.table(level.times, level.levels, burst.shown, dates.zone, row.baseline)
    when = _dates_of(burst, dates)
    against = f"against a baseline of {plain(row.baseline)}" if row.contract else "no contract"
    return BurstPart(
        chart=chart_of("chips-in-use", figure, f"Steps: chips in use, {when}, {against}", table),
        chip=row.chip,
        title=f"Chips in use, {when}",
        note=f"{row.chip}, {against}",
        facts=_burst_facts(burst, currency),
    )


def _dates_of(burst: BiggestBurst, dates: DateRange) -> str:
    if burst.shown == dates.period:
        return dates.label
    start: date = burst.shown.start.astimezone(ZoneInfo(dates.zone)).date()
    return formats.days(start, start + timedelta(days=1))


def _burst_facts(burst: BiggestBurst, currency: str) -> list[Fact]:
    row, usage = burst.row, burst.row.usage
    amounts = [
        ("Amount, baseline included", row.amount),
        ("Reserved for the peak", row.reserved_peak_amount),
        ("Reserved hour by hour", row.reserved_hourly_amount),
    ]
    return [
        ("Highest level", _chips(usage.peak)),
        ("95th percentile", _chips(usage.p95)),
        ("Bursts above baseline", formats.count(usage.bursts)),
        ("Burst chip-seconds", formats.count(round(usage.burst_chip_seconds))),
        ("Covered by credits", formats.count(round(usage.credited_chip_seconds))),
        ("Dormant", f"{formats.percent(usage.dormancy)} of the time"),
        *((n, UNPRICED if a is None else formats.money(a, currency)) for n, a in amounts),
        ("Saved against the peak", formats.percent(row.saving) if row.saving else formats.NONE),
    ]


def _chips(level: Decimal) -> str:
    return f"{formats.count(round(level, 2))} chips"
