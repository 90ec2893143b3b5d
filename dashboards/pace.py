"""Where a running month is heading, against the month before and the budget, and what moved it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Context, Decimal

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from billing.queries import GroupCost
from billing.rating.money import EXACT, ZERO
from dashboards import formats
from dashboards.charts.spend import CAUSES
from dashboards.ranges import DateRange
from dashboards.rows import OverviewRows
from dashboards.said import Said
from metering.usage.period import month_period

# What is foreseen or compared is looked at and never added up.
_LOOK = Context(prec=28)
_DAY_SECONDS = Decimal(86_400)
_PLACES = Decimal("0.01")
# A smaller change than this share of what was spent before is no news.
_WORTH_SAYING = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Pace:
    """What a month comes to if the rest of it goes on as the part that has passed."""

    amount: Decimal
    passed: Decimal
    days: Decimal


def pace(rows: OverviewRows, dates: DateRange, total: Decimal) -> Pace | None:
    """Spent so far × the month's seconds ÷ those that have passed; None within the first day."""
    month = month_period(f"{dates.start:%Y-%m}", dates.zone)
    if not dates.is_month or rows.read_at not in month:
        return None
    passed = Decimal((rows.read_at - month.start) // timedelta(seconds=1))
    # In the first hours any figure would be a guess.
    if passed < _DAY_SECONDS:
        return None
    amount = _LOOK.multiply(total, _LOOK.divide(month.seconds, passed))
    return Pace(amount, _days(passed), _days(Decimal(month.seconds)))


def pace_said(rows: OverviewRows, dates: DateRange, currency: str) -> Iterator[Said]:
    """The running month's end, by what rule, and how far that is from its measures."""
    total = rows.total.cost.total
    found = None if total is None else pace(rows, dates, total)
    if found is None or not total:
        return
    sentence = format_html(
        "At its present pace {} comes to <b>{}</b>: {} in {} of {} days, and the rest alike.{}{}",
        f"{dates.start:%B}",
        formats.money(found.amount, currency),
        formats.money(total, currency),
        formats.count(found.passed),
        formats.count(found.days),
        _against_month(found.amount, rows, dates, currency),
        _against_budget(found.amount, rows, currency),
    )
    yield Said(sentence, reverse("budgets"), "Budgets" if rows.budget else "Set a budget")


def moved_said(rows: OverviewRows, dates: DateRange, currency: str) -> Iterator[Said]:
    """How spend changed against the range before, and the cause that moved most of it."""
    now, before = rows.total.cost, rows.before.cost if rows.before else None
    if before is None or now.total is None or not before.total:
        return
    change = EXACT.subtract(now.total, before.total)
    if abs(change) < _LOOK.multiply(before.total, _WORTH_SAYING):
        return
    cause, part = _mover(now, before, up=change > 0)
    sentence = format_html(
        "Spend is <b>{} {}</b> than in {}. Most of that is {}: {} after {}.",
        formats.money(abs(change), currency),
        "more" if change > 0 else "less",
        dates.previous_name,
        f"{cause[0].lower()}{cause[1:]}",
        *(formats.money(amount, currency) for amount in part),
    )
    yield Said(sentence, f"{reverse('explorer')}?{dates.query}", "Spend")


def by_cause(cost: GroupCost) -> dict[str, Decimal]:
    """What is known of a cost, by cause; a cause that is called so holds what is used."""
    parts = {
        name: getattr(cost.calls, name) for name in ("useful", "repeated", "failed", "retried")
    }
    return parts | {"chips": cost.units.chips, "tools": cost.units.tools}


def _mover(now: GroupCost, before: GroupCost, *, up: bool) -> tuple[str, tuple[Decimal, Decimal]]:
    """The cause that changed most in a direction, its amount now and before."""
    after, first = by_cause(now), by_cause(before)
    sign = 1 if up else -1
    most = max(CAUSES, key=lambda cause: sign * (after[cause.name] - first[cause.name]))
    return most.label, (after[most.name], first[most.name])


def _against_month(
    amount: Decimal, rows: OverviewRows, dates: DateRange, currency: str
) -> SafeString:
    month = rows.last_month.cost.total if rows.last_month else None
    if not month:
        return format_html("{}", "")
    change = EXACT.subtract(amount, month)
    return format_html(
        " That is {} {} than all of {} ({}).",
        formats.money(abs(change), currency),
        "more" if change >= 0 else "less",
        f"{dates.earlier.start:%B}",
        formats.money(month, currency),
    )


def _against_budget(amount: Decimal, rows: OverviewRows, currency: str) -> SafeString:
    if rows.budget is None:
        return format_html("{}", "")
    left = EXACT.subtract(rows.budget.amount, amount)
    return format_html(
        " The budget {} of {} would be {} by <b>{}</b>.",
        rows.budget.code,
        formats.money(rows.budget.amount, currency),
        "kept" if left >= ZERO else "passed",
        formats.money(abs(left), currency),
    )


def _days(seconds: Decimal) -> Decimal:
    return _LOOK.divide(seconds, _DAY_SECONDS).quantize(_PLACES).normalize()
