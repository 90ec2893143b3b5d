"""Half-open periods of time, and the days, months and hours of a tenant's clock as such.

A period is in UTC; where a tenant's day or month begins is asked of its IANA zone, so a day has 23
or 25 hours where the clock is shifted, and none where a zone jumped over the date line.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)
# Without the years at the ends of the calendar, whose bounds may have no date in UTC.
_MONTH = re.compile(r"(?!0000|0001|9999)\d{4}-(0[1-9]|1[0-2])", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """From `start` up to and not including `end`, both brought to UTC.

    Raises ValueError where a bound has no zone or nothing lies between them.
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        for name in ("start", "end"):
            moment: datetime = getattr(self, name)
            if moment.tzinfo is UTC:
                continue
            if moment.utcoffset() is None:
                raise ValueError(f"{moment} has no time zone; a period is between moments")
            object.__setattr__(self, name, moment.astimezone(UTC))
        if self.end <= self.start:
            raise ValueError(f"a period must end after it starts, not {self.start} to {self.end}")

    def __contains__(self, moment: datetime) -> bool:
        return self.start <= moment < self.end

    @property
    def start_us(self) -> int:
        return micros(self.start)

    @property
    def end_us(self) -> int:
        return micros(self.end)

    @property
    def seconds(self) -> Decimal:
        """The length, exact to the microsecond."""
        # Fewer than 19 digits, so that any sensible context divides them exactly.
        return Decimal((self.end - self.start) // _MICROSECOND) / 1_000_000

    def intersect(self, other: "Period") -> "Period | None":
        """What lies in both, or None."""
        start, end = max(self.start, other.start), min(self.end, other.end)
        return Period(start, end) if start < end else None


def micros(moment: datetime) -> int:
    """Microseconds from the epoch to an aware moment."""
    return (moment - EPOCH) // _MICROSECOND


def month_period(year_month: str, zone: str) -> Period:
    """The month "YYYY-MM" on the clock of an IANA zone; ValueError for what is no month or zone."""
    if not _MONTH.fullmatch(year_month):
        raise ValueError(f"{year_month} is not a month; write it as YYYY-MM")
    first = date.fromisoformat(f"{year_month}-01")
    return range_period(first, (first + 31 * _DAY).replace(day=1), zone)


def day_period(day: date, zone: str) -> Period:
    """One date on the clock of an IANA zone; ValueError for a date that the zone left out."""
    return range_period(day, day + _DAY, zone)


def range_period(from_date: date, to_date: date, zone: str) -> Period:
    """From the start of one local date to that of another; ValueError if no time is between."""
    clock = _clock(zone)
    start, end = _midnight(from_date, clock), _midnight(to_date, clock)
    if end <= start:
        raise ValueError(f"there is no time from {from_date} to {to_date} in {zone}")
    return Period(start, end)


def local_days(period: Period, zone: str) -> list[date]:
    """The local dates, in order, that a period has a part of."""
    clock = _clock(zone)
    day = period.start.astimezone(clock).date()
    last = (period.end - _MICROSECOND).astimezone(clock).date()
    days = [day + n * _DAY for n in range((last - day).days + 1)]
    return [day for day in days if _midnight(day, clock) < _midnight(day + _DAY, clock)]


def windows(period: Period, zone: str, length: str) -> list[Period]:
    """The period cut at the days or hours (`day`, `hour`) of a zone's clock."""
    if length == "hour":
        return clock_hours(period, zone)
    days = (day_period(day, zone).intersect(period) for day in local_days(period, zone))
    return [day for day in days if day]


def local_months(period: Period, zone: str) -> list[Period]:
    """The period cut where the months of a zone's calendar begin."""
    first = period.start.astimezone(_clock(zone)).date().replace(day=1)
    months, start = list[Period](), period.start
    while start < period.end:
        first = (first + 31 * _DAY).replace(day=1)
        end = min(_midnight(first, _clock(zone)), period.end)
        if start < end:
            months.append(Period(start, end))
            start = end
    return months


def clock_hours(period: Period, zone: str) -> list[Period]:
    """The period cut at the full hours of a zone's clock.

    In a zone at +05:30 they are half past in UTC. An hour that the clock shows twice is two, and
    one that it is shifted within, as by half an hour, is the parts before and after.
    """
    clock, hours, start = _clock(zone), list[Period](), period.start
    while start < period.end:
        past = start.astimezone(clock)
        gone = timedelta(minutes=past.minute, seconds=past.second, microseconds=past.microsecond)
        end = min(_shifted(start, start + _HOUR - gone, clock), period.end)
        hours.append(Period(start, end))
        start = end
    return hours


def _shifted(start: datetime, end: datetime, clock: ZoneInfo) -> datetime:
    """When the clock is first shifted between two moments; the end if it is not."""
    before = start.astimezone(clock).utcoffset()
    while end - start > _MICROSECOND:
        middle = start + (end - start) // 2
        if (end - _MICROSECOND).astimezone(clock).utcoffset() == before:
            break
        if middle.astimezone(clock).utcoffset() == before:
            start = middle
        else:
            end = middle
    return end


def _clock(zone: str) -> ZoneInfo:
    try:
        return ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"{zone!r} is not a time zone; write it as Europe/Berlin") from None


def _midnight(day: date, clock: ZoneInfo) -> datetime:
    """When a local date begins; where 00:00 is skipped or shown twice, the first moment of it."""
    try:
        return datetime.combine(day, time.min, tzinfo=clock).astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{day} in {clock.key} is beyond the calendar in UTC") from None
