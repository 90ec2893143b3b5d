"""The range of dates a page is about, as the address says it, and what it is compared with."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from urllib.parse import urlencode

from dashboards import formats
from metering.usage.period import Period, local_days, month_period, range_period

MAX_DAYS = 3 * 366
_DAY = timedelta(days=1)


class RangeError(ValueError):
    """What is wrong with the range in the address, in one sentence."""


@dataclass(frozen=True)
class DateRange:
    """Half-open dates of a tenant. A running month ends with today."""

    start: date
    end: date
    zone: str
    today: date

    @cached_property
    def period(self) -> Period:
        return range_period(self.start, self.end, self.zone)

    def __contains__(self, day: date) -> bool:
        return self.start <= day < self.end

    @property
    def dates(self) -> list[date]:
        """Every day of the range that the tenant's clock has."""
        return local_days(self.period, self.zone)

    @property
    def days(self) -> int:
        return (self.end - self.start).days

    @property
    def label(self) -> str:
        return formats.days(self.start, self.end)

    @property
    def is_month(self) -> bool:
        """From the first of a month to its end, or to today."""
        if self.start.day != 1 or self.end > _next_month(self.start):
            return False
        return self.end in {_next_month(self.start), self.today + _DAY}

    @property
    def is_running_month(self) -> bool:
        return self.is_month and self.start == self.today.replace(day=1)

    @property
    def title(self) -> str:
        """What the spend of this range is called."""
        if self.is_running_month:
            return "this month"
        return f"in {self.start:%B %Y}" if self.is_month else "in this range"

    @property
    def complete_day(self) -> date:
        """The last day of the range that is over, or its first."""
        return max(self.start, min(self.end, self.today) - _DAY)

    @property
    def query(self) -> str:
        """The range as a part of an address."""
        if self.is_month:
            return urlencode({"month": f"{self.start:%Y-%m}"})
        return urlencode({"from": self.start.isoformat(), "to": self.end.isoformat()})

    @property
    def previous(self) -> "DateRange":
        """As many days of the month before, of a month; else the days just before."""
        if not self.is_month:
            return DateRange(
                self.start - (self.end - self.start), self.start, self.zone, self.today
            )
        start = (self.start - _DAY).replace(day=1)
        whole = self.end == _next_month(self.start)
        end = self.start if whole else min(start + (self.end - self.start), self.start)
        return self._between(start, end)

    @property
    def earlier(self) -> "DateRange":
        """The month before, of a month; else the range that ends where this one begins."""
        if self.is_month:
            return self._between((self.start - _DAY).replace(day=1), self.start)
        return self.previous

    @property
    def later(self) -> "DateRange | None":
        """What `earlier` would lead back from, as far as it has come; None in the future."""
        start, end = self.end, self.end + (self.end - self.start)
        if self.is_month:
            start = _next_month(self.start)
            end = _next_month(start)
        return self._between(start, min(end, self.today + _DAY)) if start <= self.today else None

    @property
    def previous_name(self) -> str:
        """The previous range as it is called in a sentence."""
        before = self.previous
        whole = self.is_month and before.end == self.start
        return f"{before.start:%B}" if whole else before.label

    def before(self, days: int) -> "DateRange":
        """This range, begun so many days earlier."""
        return self._between(self.start - days * _DAY, self.end)

    def from_(self, start: date) -> "DateRange":
        """This range, begun on another day."""
        return self._between(start, self.end)

    def last(self, days: int) -> "DateRange":
        """The days that end with this range."""
        return self._between(self.end - days * _DAY, self.end)

    def _between(self, start: date, end: date) -> "DateRange":
        return DateRange(start, end, self.zone, self.today)


def read_range(params: Mapping[str, str], zone: str, today: date) -> DateRange:
    """`month`, or `from` and `to`, or the running month. Raises RangeError."""
    if month := params.get("month"):
        return month_range(month, zone, today)
    if "from" not in params and "to" not in params:
        return month_range(f"{today:%Y-%m}", zone, today)
    start = _date(params, "from") or today.replace(day=1)
    end = _date(params, "to") or max(today, start) + _DAY
    return _checked(DateRange(start, end, zone, today))


def month_range(month: str, zone: str, today: date) -> DateRange:
    """A month as YYYY-MM, as far as it has come."""
    try:
        month_period(month, zone)
    except ValueError as error:
        raise RangeError(f"{error}.") from None
    start = date.fromisoformat(f"{month}-01")
    end = _next_month(start)
    return DateRange(start, min(end, today + _DAY) if start <= today else end, zone, today)


def recent_months(today: date, number: int = 6) -> list[date]:
    """The first days of the last months, the running one first."""
    months = [today.replace(day=1)]
    while len(months) < number:
        months.append((months[-1] - _DAY).replace(day=1))
    return months


def _checked(found: DateRange) -> DateRange:
    if found.end <= found.start:
        raise RangeError("The range ends before it starts; `to` is the day after its last.")
    if found.days > MAX_DAYS:
        raise RangeError(f"The range has {found.days} days; at most {MAX_DAYS} can be shown.")
    try:
        # Computed to see whether there are such periods on the tenant's clock.
        _ = found.period, found.previous.period
    except (ValueError, OverflowError) as error:
        raise RangeError(f"The range cannot be read: {error}.") from None
    return found


def _date(params: Mapping[str, str], name: str) -> date | None:
    text = params.get(name)
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise RangeError(f"{name}: {text!r} is not a date such as 2026-10-01.") from None


def _next_month(first: date) -> date:
    return (first + 31 * _DAY).replace(day=1)
