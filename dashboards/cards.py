"""The four figures at the top of the overview: what each is, and what it is compared with."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Context, Decimal

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from dashboards import formats
from dashboards.ledger import Work
from dashboards.ranges import DateRange
from metering.usage.active import ActiveDay
from metering.usage.efficiency import share
from metering.usage.period import month_period

# A change is looked at and never added up.
_LOOK = Context(prec=28)
UNPRICED = "unpriced"


@dataclass(frozen=True, slots=True)
class Card:
    """A name, a figure, and a line of what belongs to it; `href` leads to what is behind it."""

    name: str
    figure: str
    note: SafeString
    href: str
    unpriced: bool = False


def spend_card(dates: DateRange, now: Work, before: Work, moment: datetime, currency: str) -> Card:
    """The operator's cost of the range; for a running month also where it is heading."""
    total, name = now.cost.total, f"Spend {dates.title}"
    if total is None:
        return Card(name, UNPRICED.title(), _no_price(now), "#spend", unpriced=True)
    parts = [_change(total, before.cost.total, f"on {dates.previous_name}")]
    if pace := _pace(dates, total, moment):
        parts.append(format_html("pace {}", formats.money(pace, currency)))
    return Card(name, formats.money(total, currency), _joined(parts), "#spend")


def agents_card(dates: DateRange, days: Sequence[ActiveDay]) -> Card:
    """The latest day that is over, beside the same day of the week before."""
    by_date = {day.date: day for day in days}
    day = by_date.get(dates.complete_day, ActiveDay(date=dates.complete_day))
    week_ago = by_date.get(day.date - timedelta(days=7))
    of_active = f"delivering, of {formats.count(day.active)} active on {formats.day(day.date)}"
    parts = [format_html("{}", of_active)]
    if week_ago is not None:
        parts.append(_difference(day.delivering - week_ago.delivering))
    return Card("Daily active agents", formats.count(day.delivering), _joined(parts), "#agents-day")


def efficiency_card(now: Work, before: Work, currency: str) -> Card:
    """What a million tokens that helped cost, beside what any million cost."""
    name, row = "Token-efficiency cost", now.efficiency
    if row.cost.calls.unpriced:
        return Card(name, UNPRICED.title(), _no_price(now, calls=True), "#hit-rate", unpriced=True)
    if row.token_efficiency_cost is None or row.cost_per_million_tokens is None:
        return Card(name, formats.NONE, format_html("no effective tokens"), "#hit-rate")
    plain = formats.rate(row.cost_per_million_tokens, currency)
    parts = [
        format_html("per million effective tokens"),
        format_html("plain {}", plain),
        _change(row.token_efficiency_cost, before.efficiency.token_efficiency_cost),
    ]
    figure = formats.rate(row.token_efficiency_cost, currency)
    return Card(name, figure, _joined(parts), "#hit-rate")


def task_card(now: Work, before: Work, currency: str) -> Card:
    """All that was spent for each task that succeeded."""
    name = "Cost per succeeded task"
    tasks = f"{formats.count(now.tasks)} tasks"
    succeeded = f"{formats.percent(share(now.succeeded, now.tasks))} succeeded"
    counted = format_html("{}, {}", tasks, succeeded) if now.tasks else format_html("no tasks yet")
    if now.cost.unpriced:
        note = _joined([_no_price(now), counted])
        return Card(name, UNPRICED.title(), note, "#agents", unpriced=True)
    cost = now.efficiency.cost_per_succeeded_task
    if cost is None:
        return Card(name, formats.NONE, counted, "#agents")
    change = _change(cost, before.efficiency.cost_per_succeeded_task)
    return Card(name, formats.rate(cost, currency), _joined([change, counted]), "#agents")


def _pace(dates: DateRange, total: Decimal, moment: datetime) -> Decimal | None:
    """What a running month comes to if it goes on as it did so far."""
    month = month_period(f"{dates.start:%Y-%m}", dates.zone)
    if not dates.is_month or moment not in month:
        return None
    passed = Decimal((moment - month.start) // timedelta(seconds=1))
    # In the first hours any figure would be a guess.
    return _LOOK.multiply(total, _LOOK.divide(month.seconds, passed)) if passed > 86_400 else None


def _change(now: Decimal, before: Decimal | None, than: str = "") -> SafeString:
    """How far a cost went up or down; nothing to compare with says so only in a sentence."""
    if not before:
        return format_html("nothing to compare with {}", than) if than else format_html("")
    rise = _LOOK.divide(_LOOK.subtract(now, before), before)
    text = formats.percent(abs(rise))
    if text == formats.percent(Decimal(0)):
        return format_html("unchanged {}", than)
    way = ("worse", "▲", "up") if rise > 0 else ("better", "▼", "down")
    return format_html(
        '<span class="delta {}"><span aria-hidden="true">{}</span>'
        '<span class="visually-hidden">{}</span> {}</span> {}',
        *way,
        text,
        than,
    )


def _difference(agents: int) -> SafeString:
    if not agents:
        return format_html("as many as a week before")
    way = ("better", "▲", "up") if agents > 0 else ("worse", "▼", "down")
    return format_html(
        '<span class="delta {}"><span aria-hidden="true">{}</span>'
        '<span class="visually-hidden">{}</span> {}</span> in a week',
        *way,
        formats.count(abs(agents)),
    )


def _no_price(work: Work, *, calls: bool = False) -> SafeString:
    names = sorted(work.cost.calls.unpriced) if calls else work.cost.unpriced
    return format_html("no price for {}", formats.joined(names))


def _joined(parts: list[SafeString]) -> SafeString:
    return format_html_join(" · ", "{}", ((part,) for part in parts if part.strip()))
