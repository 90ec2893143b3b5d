"""The chart of the spend explorer."""

from decimal import Decimal

from billing.rating.money import EXACT, ZERO
from dashboards import formats
from dashboards.cards import known
from dashboards.charts import groups, spend
from dashboards.explorer import CAUSE, Answer, value_name
from dashboards.ledger import spend_day
from dashboards.pages import Chart, chart_of


def chart(found: Answer, currency: str) -> Chart:
    """By cause, or by the values that were asked for."""
    dates = found.question.dates
    if found.question.group == CAUSE:
        days = [spend_day(day, work) for day, work in found.ledger.by_day(dates).items()]
        words = f"Bars: spend on each of {len(days)} days, stacked by what caused it"
        figure, table = spend.figure(days, currency), spend.table(days, currency)
    else:
        series = _series(found)
        words = f"Bars: spend on each day, stacked by {found.question.group}"
        figure = groups.figure(dates.dates, series, currency)
        table = groups.table(dates.dates, series, currency)
    return chart_of("spend", figure, words, table)


def legend(found: Answer, currency: str) -> list[tuple[str, str, str]]:
    """Of causes; values have theirs in the chart."""
    if found.question.group != CAUSE:
        return []
    day = [spend_day(found.question.dates.start, found.total)]
    return [(i.name, i.label, formats.money(i.amount, currency)) for i in spend.legend(day)]


def _series(found: Answer) -> list[groups.Series]:
    """The dearest values, and one more for all the others."""
    apart = found.values if len(found.values) <= groups.MOST else found.values[: groups.MOST]
    names = [value for value, _ in apart]
    series = [
        groups.Series(value_name(value, found.question.group), _amounts(found, {value}))
        for value in names
    ]
    others = {value for value, _ in found.values} - set(names)
    if others:
        series.append(groups.Series(f"{len(others)} others", _amounts(found, others)))
    return series


def _amounts(found: Answer, values: set[str]) -> list[Decimal]:
    days = dict.fromkeys(found.question.dates.dates, ZERO)
    for (day, value), work in found.ledger.cells.items():
        if value in values and day in days:
            days[day] = EXACT.add(days[day], known(work.cost))
    return list(days.values())
