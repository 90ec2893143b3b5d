"""Query parameters of the read API; a bad one is a 400 that names it."""

import uuid
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.utils import timezone
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from metering.models import Tenant
from metering.usage.meter import LABEL
from metering.usage.period import Period, range_period

MAX_DAYS = 3 * 366
# Days that the store's calendar has, wherever in the world they begin.
_FIRST, _LAST = date(1971, 1, 1), date(2148, 12, 31)


def read_range(request: Request, tenant: Tenant, days: int = 0) -> Period:
    """`from` and `to`, the tenant's dates, half-open.

    When both are absent the running month, or the last `days` if they are given.
    """
    today = timezone.now().astimezone(ZoneInfo(tenant.timezone)).date()
    usual = today - timedelta(days=days - 1) if days else today.replace(day=1)
    start = _date(request, "from") or usual
    end = _date(request, "to") or max(today, start) + timedelta(days=1)
    if end <= start:
        raise ValidationError({"to": "must be after from; the range is half-open"})
    if (end - start).days > MAX_DAYS:
        raise ValidationError({"to": f"is more than {MAX_DAYS} days after from"})
    try:
        return range_period(start, end, tenant.timezone)
    except ValueError as error:
        raise ValidationError({"from": str(error)}) from None


def read_group_by(request: Request, allowed: tuple[str, ...]) -> tuple[str, ...]:
    """`group_by`, comma-separated or repeated, each one of `allowed` or `labels.<key>`."""
    names = [
        name.strip()
        for value in request.query_params.getlist("group_by")
        for name in value.split(",")
        if name.strip()
    ]
    for name in names:
        if name not in allowed and not (name.startswith(LABEL) and name != LABEL):
            choices = ", ".join((*allowed, "labels.<key>"))
            raise ValidationError({"group_by": f"{name!r} is not one of {choices}"})
    return tuple(dict.fromkeys(names))


def page_after(request: Request) -> uuid.UUID | None:
    """`after`, the reference of the last row of the page before."""
    text = request.query_params.get("after")
    try:
        return None if text is None else uuid.UUID(text)
    except ValueError:
        raise ValidationError({"after": f"{text!r} is not a reference"}) from None


def read_number(request: Request, name: str) -> int:
    """A whole number of at most 18 digits; 0 when it is absent."""
    text = request.query_params.get(name) or "0"
    if not (text.isascii() and text.isdecimal() and len(text) <= 18):
        raise ValidationError({name: f"{text!r} is not a whole number"})
    return int(text)


def read_choice(request: Request, name: str, allowed: tuple[str, ...]) -> str:
    """A parameter that is one of a few words; empty when it is absent."""
    text = request.query_params.get(name)
    if text is not None and text not in allowed:
        raise ValidationError({name: f"{text!r} is not one of {', '.join(allowed)}"})
    return text or ""


def read_moment(request: Request, name: str, tenant: Tenant) -> datetime | None:
    """A moment, or a date of the tenant, which is its first moment."""
    text = request.query_params.get(name)
    try:
        moment = None if text is None else datetime.fromisoformat(text)
        if moment and moment.tzinfo is None:
            moment = moment.replace(tzinfo=ZoneInfo(tenant.timezone))
        known = moment is None or _FIRST <= moment.astimezone(UTC).date() <= _LAST
    except (ValueError, OverflowError):
        known = False
    if not known:
        raise ValidationError(
            {
                name: f"{text!r} is not a date such as 2026-10-01 or a time such as"
                " 2026-10-01T09:00:00Z"
            }
        )
    return moment


def next_page(request: Request, after: str) -> str:
    """The address of the page that begins after a row, with all that was asked for."""
    query = request.query_params.copy()
    query["after"] = after
    return str(request.build_absolute_uri(f"?{query.urlencode()}"))


def _date(request: Request, name: str) -> date | None:
    text = request.query_params.get(name)
    try:
        day = None if text is None else date.fromisoformat(text)
    except ValueError:
        raise ValidationError({name: f"{text!r} is not a date such as 2026-10-01"}) from None
    if day and not _FIRST <= day <= _LAST:
        raise ValidationError({name: f"must be from {_FIRST} to {_LAST}"})
    return day
