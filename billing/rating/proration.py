"""A whole split among the parts of its period, by days or by seconds, so that nothing is lost."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

from billing.rating.money import allocate, allocate_places

# By day, each date of the calendar weighs the same, also one of 23 or 25 hours.
DAY, SECOND = "day", "second"
_MICROSECOND = timedelta(microseconds=1)


def lengths(cuts: Sequence[datetime], by: str, zone: str) -> list[Decimal]:
    """How long each part between two cuts is: in dates of a zone's calendar, or in seconds."""
    if by == DAY:
        dates = [cut.astimezone(ZoneInfo(zone)).date() for cut in cuts]
        return [Decimal((end - start).days) for start, end in pairwise(dates)]
    return [
        Decimal((end - start) // _MICROSECOND).scaleb(-6).normalize()
        for start, end in pairwise(cuts)
    ]


def split_amount(
    amount: Decimal, cuts: Sequence[datetime], *, by: str, zone: str, currency: str
) -> list[Decimal]:
    """The amount of each part between two cuts, in whole minor units; together the amount."""
    return allocate(amount, lengths(cuts, by, zone), currency)


def split_units(units: Decimal, cuts: Sequence[datetime], *, by: str, zone: str) -> list[Decimal]:
    """The units of each part, with as many decimals as the whole has; together the whole."""
    exponent = units.as_tuple().exponent
    places = max(0, -exponent) if isinstance(exponent, int) else 0
    return allocate_places(units, lengths(cuts, by, zone), places)
