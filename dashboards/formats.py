"""How amounts, shares and dates are written: exact decimals in, text out, rounded only here."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from billing.rating.money import EXACT, ROUNDED, plain, round_money

NBSP = "\u00a0"
NONE = "–"
_SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£", "CNY": "CN¥", "JPY": "¥", "INR": "₹"}
_DIGITS = 3
_DAY = timedelta(days=1)


def symbol(currency: str) -> str:
    """What stands before an amount."""
    return _SYMBOLS.get(currency, f"{currency}{NBSP}")


def money(amount: Decimal, currency: str) -> str:
    """Rounded to the currency's minor unit: $12,480.22."""
    return _signed(round_money(amount, currency), currency)


def rate(amount: Decimal, currency: str) -> str:
    """What one of something costs: as money from 1 up, three digits below it."""
    if not amount or abs(amount) >= 1:
        return money(amount, currency)
    step = Decimal(1).scaleb(amount.adjusted() - _DIGITS + 1)
    return _signed(amount.quantize(step, context=ROUNDED), currency)


def exact_money(amount: Decimal, currency: str) -> str:
    """Every digit of a price, and at least those of the minor unit."""
    rounded = round_money(amount, currency)
    return _signed(rounded if rounded == amount else Decimal(plain(amount)), currency)


def _signed(amount: Decimal, currency: str) -> str:
    return f"{'−' if amount < 0 else ''}{symbol(currency)}{abs(amount):,f}"


def count(number: int | Decimal) -> str:
    """A number with its thousands apart."""
    return f"{number:,}" if isinstance(number, int) else f"{Decimal(plain(number)):,f}"


def percent(share: Decimal | None, places: int = 1) -> str:
    """A share of 1 as 93.8 %."""
    if share is None:
        return NONE
    step = Decimal(1).scaleb(-places)
    return f"{EXACT.scaleb(share, 2).quantize(step, context=ROUNDED):,f}{NBSP}%"


def day(moment: date) -> str:
    """A date within a known year: 14 Oct."""
    return f"{moment.day}{NBSP}{moment:%b}"


def full_day(moment: date) -> str:
    """A date on its own: 14 Oct 2026."""
    return f"{day(moment)}{NBSP}{moment.year}"


def clock(moment: datetime) -> str:
    """A moment in the zone it is in."""
    return f"{full_day(moment)}, {moment:%H:%M}"


def moment(at: datetime, zone: str) -> str:
    """A moment on the clock of a zone."""
    return clock(at.astimezone(ZoneInfo(zone)))


def days(start: date, end: date) -> str:
    """A half-open range of dates as people write it: 1–31 Oct 2026."""
    last = end - _DAY
    if start == last:
        return full_day(start)
    if (start.year, start.month) == (last.year, last.month):
        return f"{start.day}–{full_day(last)}"
    first = day(start) if start.year == last.year else full_day(start)
    return f"{first} – {full_day(last)}"


def duration(seconds: int) -> str:
    """A length of time in its two largest units at most."""
    if seconds < 60:
        return f"{seconds}{NBSP}s"
    minutes, hours = round(seconds / 60), round(seconds / 3600)
    if minutes < 120:
        return f"{minutes}{NBSP}minute{'' if minutes == 1 else 's'}"
    return f"{hours}{NBSP}hours" if hours < 48 else f"{round(hours / 24)}{NBSP}days"


def joined(names: list[str]) -> str:
    """Names in a sentence: a, b and c."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
