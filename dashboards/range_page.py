"""What all pages about a range of dates share: reading it from the address, choosing another."""

from collections.abc import Callable, Mapping
from datetime import date
from functools import wraps
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from dashboards.access import tenant_page
from dashboards.frame import render_page
from dashboards.ranges import DateRange, RangeError, month_range, read_range, recent_months
from dashboards.store_page import needs_store
from metering.models import Tenant

RangeView = Callable[[HttpRequest, Tenant, DateRange], HttpResponse]


def range_page(heading: str, home: str) -> Callable[[RangeView], Callable[..., HttpResponseBase]]:
    """Give the view `(request, tenant, dates)`; what is wrong with the address is said under
    `heading`, with the way back to `home`. The view too may raise RangeError, of its filters."""

    def decorate(view: RangeView) -> Callable[..., HttpResponseBase]:
        @require_safe
        @tenant_page
        @needs_store
        @wraps(view)
        def page(request: HttpRequest, tenant: Tenant) -> HttpResponse:
            dates = None
            try:
                dates = read_range(request.GET, tenant.timezone, today_of(tenant))
                return view(request, tenant, dates)
            except RangeError as error:
                context = {"problem": str(error), "heading": heading, "back": reverse(home)}
                template = "bad_range" if dates is None else "bad_filter"
                return render_page(request, tenant, f"dashboards/{template}.html", context, 400)

        return page

    return decorate


def range_context(
    tenant: Tenant,
    dates: DateRange,
    *,
    compare: bool | None = None,
    keep: Mapping[str, str] | None = None,
) -> dict[str, object]:
    """What the controls of a range need. `compare` is None where there is nothing to compare
    with; `keep` is what else stays in the address when another range is chosen."""
    return {
        "dates": dates,
        "compare": compare is not False,
        "alone": compare is None,
        "keep": keep or {},
        "months": months_to_choose(tenant, today_of(tenant), dates),
    }


def compares(request: HttpRequest) -> bool:
    """Whether the range before stands beside this one; it does unless it was sent away."""
    return request.GET.get("compare") != "none"


def today_of(tenant: Tenant) -> date:
    """The date on the tenant's clock."""
    return timezone.now().astimezone(ZoneInfo(tenant.timezone)).date()


def months_to_choose(
    tenant: Tenant, today: date, chosen: DateRange
) -> list[tuple[DateRange, bool]]:
    """The months to choose from, and which of them is chosen."""
    months = [
        month_range(f"{month:%Y-%m}", tenant.timezone, today) for month in recent_months(today)
    ]
    return [(month, month == chosen) for month in months]
