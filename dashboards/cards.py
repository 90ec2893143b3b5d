"""The four figures at the top of the overview: what each is, and what it is compared with."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Context, Decimal

from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from billing.budgets.models import Budget
from billing.queries import GroupCost
from billing.rating.money import EXACT, ZERO
from dashboards import formats
from dashboards.alert_note import alert_note
from dashboards.pace import pace
from dashboards.ranges import DateRange
from dashboards.rows import OverviewRows
from metering.usage.active import ActiveDay
from metering.usage.efficiency import share

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

    @property
    def unpriced(self) -> bool:
        return self.figure == UNPRICED


def cards(rows: OverviewRows, dates: DateRange, currency: str) -> list[Card]:
    """Spend, agents, token efficiency, tasks."""
    return [
        _spend(rows, dates, currency),
        _agents(rows, dates),
        _efficiency(rows, dates, currency),
        _tasks(rows, currency),
    ]


def known(cost: GroupCost) -> Decimal:
    """What of a cost is known, whatever else has no price."""
    calls, units = cost.calls, cost.units
    total = ZERO
    for part in (calls.useful, calls.repeated, calls.failed, calls.retried):
        total = EXACT.add(total, part)
    return EXACT.add(total, EXACT.add(units.chips, units.tools))


def _spend(rows: OverviewRows, dates: DateRange, currency: str) -> Card:
    """The operator's cost of the range; for a running month also where it is heading."""
    total, name = rows.total.cost.total, f"Spend {dates.title}"
    if total is None:
        at_least = formats.money(known(rows.total.cost), currency)
        note = format_html("{} and {}", at_least, _no_price(rows.total.unpriced))
        return Card(name, UNPRICED, note, "#spend-by-day")
    before = rows.before.cost.total if rows.before else None
    change = _change(total, before, f"against {dates.previous_name}")
    parts = [change or format_html("{}", "at the cost book")]
    if found := pace(rows, dates, total):
        parts.append(format_html("pace {}", formats.money(found.amount, currency)))
    if rows.budget:
        parts.append(_budget(rows.budget, currency))
    return Card(
        name, formats.money(total, currency), _joined(parts), f"{reverse('explorer')}?{dates.query}"
    )


def _budget(budget: Budget, currency: str) -> SafeString:
    amount = formats.money(budget.amount, currency)
    return format_html('<a href="{}">budget {}</a>', reverse("budgets"), amount)


def _agents(rows: OverviewRows, dates: DateRange) -> Card:
    """The latest day that is over, beside the same day of the week before."""
    by_date = {day.date: day for day in rows.active}
    day = by_date.get(dates.complete_day, ActiveDay(date=dates.complete_day))
    week_ago = by_date.get(day.date - timedelta(days=7))
    of_active = f"delivering, of {formats.count(day.active)} active on {formats.day(day.date)}"
    parts = [format_html("{}", of_active)]
    if week_ago is not None:
        parts.append(_difference(day.delivering - week_ago.delivering))
    figure = formats.count(day.delivering)
    return Card("Daily active agents", figure, _joined(parts), "#active-agents")


def _efficiency(rows: OverviewRows, dates: DateRange, currency: str) -> Card:
    """What a million tokens that helped cost, beside what any million cost."""
    name, row = "Token-efficiency cost", rows.total
    alert = [alert_note(rows.alert, dates.zone)] if rows.alert else []
    if missing := row.cost.calls.unpriced:
        note = _joined([*alert, _no_price(sorted(missing))])
        return Card(name, UNPRICED, note, "#hit-rate")
    if row.token_efficiency_cost is None or row.cost_per_million_tokens is None:
        note = _joined([*alert, format_html("{}", "no effective tokens")])
        return Card(name, formats.NONE, note, "#hit-rate")
    before = rows.before.token_efficiency_cost if rows.before else None
    plain = formats.rate(row.cost_per_million_tokens, currency)
    parts = [
        *alert,
        _change(row.token_efficiency_cost, before),
        format_html("{}", "per million effective tokens"),
        format_html("plain {}", plain),
    ]
    figure = formats.rate(row.token_efficiency_cost, currency)
    return Card(name, figure, _joined(parts), "#hit-rate")


def _tasks(rows: OverviewRows, currency: str) -> Card:
    """All that was spent for each task that succeeded."""
    name, tasks = "Cost per succeeded task", rows.usage.tasks
    succeeded = formats.percent(share(rows.usage.succeeded_tasks, tasks))
    counted = f"{formats.count(tasks)} tasks, {succeeded} succeeded" if tasks else "no tasks yet"
    parts = [format_html("{}", counted)]
    if rows.total.unpriced:
        return Card(name, UNPRICED, _joined([_no_price(rows.total.unpriced), *parts]), "#agents")
    cost = rows.total.cost_per_succeeded_task
    if cost is None:
        return Card(name, formats.NONE, _joined(parts), "#agents")
    before = rows.before.cost_per_succeeded_task if rows.before else None
    parts.insert(0, _change(cost, before))
    return Card(name, formats.rate(cost, currency), _joined(parts), "#agents")


def _change(now: Decimal, before: Decimal | None, than: str = "") -> SafeString:
    """How far a cost went up or down. What there is nothing to compare with is not compared."""
    if not before:
        return format_html("{}", "")
    rise = _LOOK.divide(_LOOK.subtract(now, before), before)
    way = ("worse", "▲", "up") if rise > 0 else ("better", "▼", "down")
    return _moved(way, formats.percent(abs(rise)), than)


def _difference(agents: int) -> SafeString:
    if not agents:
        return format_html("{}", "as many as a week before")
    way = ("better", "▲", "up") if agents > 0 else ("worse", "▼", "down")
    return _moved(way, formats.count(abs(agents)), "in a week")


def _moved(way: tuple[str, str, str], by: str, than: str) -> SafeString:
    return format_html(
        '<span class="delta {}"><span aria-hidden="true">{}</span>'
        '<span class="visually-hidden">{}</span> {}</span>{}',
        *way,
        by,
        than and f" {than}",
    )


def _no_price(names: list[str]) -> SafeString:
    return format_html("no price for {}", formats.joined(names))


def _joined(parts: Iterable[SafeString]) -> SafeString:
    # A line may end with the dot and never begins with it.
    return format_html_join(f"{formats.NBSP}· ", "{}", ((part,) for part in parts if part.strip()))
