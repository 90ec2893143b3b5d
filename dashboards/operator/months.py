"""The months a page of the operator is about, as the address says it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from django.utils import timezone

from dashboards import formats

_MOST = 36


class MonthsError(ValueError):
    """What is wrong with the months in the address, in one sentence."""


@dataclass(frozen=True, slots=True)
class Months:
    """Whole months of every tenant's own calendar, half-open."""

    start: date
    end: date

    @property
    def label(self) -> str:
        last = self.end - timedelta(days=1)
        if (self.start.year, self.start.month) == (last.year, last.month):
            return f"{self.start:%B %Y}"
        return formats.days(self.start, self.end)

    @property
    def query(self) -> str:
        return f"from={self.start:%Y-%m}&to={self.end:%Y-%m}"

    @property
    def earlier(self) -> "Months":
        """As many months before these."""
        count = months_between(self.start, self.end)
        return Months(shifted(self.start, -count), self.start)

    @property
    def later(self) -> "Months":
        count = months_between(self.start, self.end)
        return Months(self.end, shifted(self.end, count))


def this_month() -> date:
    """The first day of the month that runs, by UTC: each tenant's clock is within a day of it."""
    return timezone.now().date().replace(day=1)


def shifted(month: date, by: int) -> date:
    """The first day of a month so many later."""
    number = month.year * 12 + month.month - 1 + by
    return date(number // 12, number % 12 + 1, 1)


def months_between(start: date, end: date) -> int:
    """How many months there are from one to another."""
    return (end.year - start.year) * 12 + end.month - start.month


def read_months(params: Mapping[str, str]) -> Months:
    """`month`, or `from` and `to` (not included), else the month that ended last."""
    if text := params.get("month"):
        start = read_month("month", text)
        return Months(start, shifted(start, 1))
    last = shifted(this_month(), -1)
    start = read_month("from", params["from"]) if params.get("from") else last
    end = read_month("to", params["to"]) if params.get("to") else shifted(start, 1)
    if not 0 < months_between(start, end) <= _MOST:
        raise MonthsError(f"From {start:%Y-%m} to {end:%Y-%m} are not 1 to {_MOST} months.")
    return Months(start, end)


def read_month(name: str, text: str) -> date:
    """A month as YYYY-MM. Raises MonthsError."""
    try:
        found = date.fromisoformat(f"{text}-01")
    except ValueError:
        raise MonthsError(f"{name}: {text!r} is not a month such as 2026-10.") from None
    if not 1971 <= found.year <= 2999:
        raise MonthsError(f"{name}: {text!r} is out of reach.")
    return found
