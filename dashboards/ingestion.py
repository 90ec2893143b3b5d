"""The page of ingestion put together: what came in, and whether it adds up."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from billing.rating.money import ROUNDED
from dashboards import formats
from dashboards.cards import Card
from dashboards.charts import intake
from dashboards.charts.intake import IntakeBar
from dashboards.pages import Chart
from dashboards.quarantine_pages import Waiting, local_clock
from dashboards.ranges import DateRange
from metering import queries
from metering.models import IngestionAlert, Tenant
from metering.queries import IntakeHour
from metering.reconciliation import GRACE, HourLine, ledger, total
from metering.usage.period import clock_hours

# More days than this are shown by day.
_HOURLY_DAYS = 3
_ALERTS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestionPage:
    """What the template shows; `chart` is absent where nothing came in."""

    cards: list[Card]
    chart: Chart | None
    legend: list[tuple[str, str, str]]
    daily: bool
    verdict: SafeString
    adds_up: bool
    wrong: list[str]
    alerts: list[str]
    waiting: Waiting

    @property
    def empty(self) -> bool:
        """Nothing to show at all."""
        return self.chart is None and not self.waiting.lines and not self.waiting.chosen


def ingestion_page(
    tenant: Tenant, dates: DateRange, *, compare: bool, waiting: Waiting
) -> IngestionPage:
    """The whole page of a range. Raises StoreUnavailable."""
    settled = timezone.now() - GRACE
    lines = ledger(tenant, dates.period, settled)
    before = queries.intake(tenant, dates.previous.period) if compare else []
    daily = dates.days > _HOURLY_DAYS
    wrong = [line for line in lines if not line.adds_up]
    shown = wrong[:_ALERTS]
    return IngestionPage(
        cards=_cards(lines, before, dates, waiting),
        chart=_chart(lines, dates, daily=daily) if lines else None,
        legend=[
            (place.name, place.label, formats.count(_sum(lines, place.name)))
            for place in intake.PLACES
        ],
        daily=daily,
        verdict=_verdict(lines, wrong),
        adds_up=not wrong,
        wrong=[f"{local_clock(line.counts.hour, tenant)}: {line.explanation}" for line in shown],
        alerts=[
            f"{local_clock(alert.hour, tenant)}: {alert.detail}"
            for alert in IngestionAlert.objects.filter(
                tenant=tenant, hour__gte=dates.period.start, hour__lt=dates.period.end
            )[:_ALERTS]
        ],
        waiting=waiting,
    )


def _cards(
    lines: Sequence[HourLine], before: Sequence[IntakeHour], dates: DateRange, waiting: Waiting
) -> list[Card]:
    received, earlier = _sum(lines, "received"), sum(hour.received for hour in before)
    compared = (
        f"after {formats.count(earlier)} in {dates.previous_name}"
        if before
        else "over every interface"
    )
    replayed = _sum(lines, "replayed")
    if replayed:
        compared += f", {formats.count(replayed)} out of quarantine"
    figures = [
        ("Received", received, compared),
        ("Accepted", _sum(lines, "accepted"), _share(_sum(lines, "accepted"), received)),
        (
            "Duplicates",
            _sum(lines, "duplicates"),
            f"of them {formats.count(_sum(lines, 'conflicts'))} with other content",
        ),
        (
            "Quarantined",
            _sum(lines, "quarantined"),
            f"of them {formats.count(_sum(lines, 'unmetered'))} unmetered"
            f" · {waiting.number} {waiting.state} now",
        ),
    ]
    return [
        Card(name, formats.count(number), format_html("{}", note), href)
        for (name, number, note), href in zip(
            figures, ("#intake", "#intake", "#intake", "#quarantine"), strict=True
        )
    ]


def _share(part: int, whole: int) -> str:
    if not whole:
        return formats.NONE
    return f"{formats.percent(ROUNDED.divide(part, whole))} of what was received"


def _chart(lines: Sequence[HourLine], dates: DateRange, *, daily: bool) -> Chart:
    bars = _daily(lines, dates) if daily else _hourly(lines, dates)
    each = "day" if daily else "hour"
    words = f"Bars: events received in each {each}, stacked by accepted, duplicates, quarantined"
    figure = intake.figure(bars, daily=daily).to_plotly_json()
    return Chart("intake", figure, words, intake.table(bars, daily=daily))


def _daily(lines: Sequence[HourLine], dates: DateRange) -> list[IntakeBar]:
    clock = ZoneInfo(dates.zone)
    found: dict[date, list[HourLine]] = defaultdict(list)
    for line in lines:
        found[line.counts.hour.astimezone(clock).date()].append(line)
    return [_bar(datetime.combine(day, time.min, tzinfo=clock), found[day]) for day in dates.dates]


def _hourly(lines: Sequence[HourLine], dates: DateRange) -> list[IntakeBar]:
    clock = ZoneInfo(dates.zone)
    return [
        _bar(hour.start.astimezone(clock), [line for line in lines if line.counts.hour in hour])
        for hour in clock_hours(dates.period, dates.zone)
    ]


def _bar(start: datetime, lines: Sequence[HourLine]) -> IntakeBar:
    counts = total(lines, start)
    names = [name for name in counts._fields if name not in {"hour", "recovered"}]
    return IntakeBar(
        start=start,
        wrong_hours=sum(not line.adds_up for line in lines),
        **{name: getattr(counts, name) for name in names},
    )


def _verdict(lines: Sequence[HourLine], wrong: Sequence[HourLine]) -> SafeString:
    if wrong:
        return format_html(
            "<b>{} of {} hours do not add up.</b>", len(wrong), formats.count(len(lines))
        )
    return format_html(
        "<b>Everything is somewhere:</b> {} accepted + {} duplicates + {} quarantined"
        " = {} received, in every hour.",
        *(
            formats.count(_sum(lines, name))
            for name in ("accepted", "duplicates", "quarantined", "received")
        ),
    )


def _sum(lines: Sequence[HourLine], name: str) -> int:
    return sum(getattr(line.counts, name) for line in lines)
