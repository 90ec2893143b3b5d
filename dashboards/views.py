"""The pages: parse the address, read, render."""

from collections.abc import Callable
from datetime import date
from functools import wraps
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from dashboards.access import tenant_page
from dashboards.efficiency_page import efficiency_page, read_efficiency
from dashboards.frame import render_page
from dashboards.pages import overview as overview_page
from dashboards.ranges import DateRange, RangeError, month_range, read_range, recent_months
from dashboards.rows import has_events, read_overview
from metering.models import Tenant
from metering.queries import StoreUnavailable

Answer = TypeVar("Answer", bound=HttpResponseBase)


def needs_store(view: Callable[..., Answer]) -> Callable[..., Answer | HttpResponse]:
    """A page that says what failed and what still works, where the event store is down."""

    @wraps(view)
    def page(request: HttpRequest, tenant: Tenant, **named: object) -> Answer | HttpResponse:
        try:
            return view(request, tenant, **named)
        except StoreUnavailable as error:
            context = {"problem": str(error)}
            template = "dashboards/store_down.html"
            response = render_page(request, tenant, template, context, status=503)
            response["Retry-After"] = "30"
            return response

    return page


@require_safe
@tenant_page
@needs_store
def overview(request: HttpRequest, tenant: Tenant) -> HttpResponse:
    """What the tenant's agents did and cost in a range."""

    def build(dates: DateRange, compare: bool) -> object:
        return overview_page(read_overview(tenant, dates, compare=compare), tenant, dates)

    return _of_range(request, tenant, "Overview", build)


@require_safe
@tenant_page
@needs_store
def efficiency(request: HttpRequest, tenant: Tenant) -> HttpResponse:
    """What a range's tokens cost, and what of it was of no use."""

    def build(dates: DateRange, compare: bool) -> object:
        return efficiency_page(read_efficiency(tenant, dates, compare=compare), tenant, dates)

    return _of_range(request, tenant, "Efficiency", build)


def _of_range(
    request: HttpRequest, tenant: Tenant, heading: str, build: Callable[[DateRange, bool], object]
) -> HttpResponse:
    """The page that `build` makes of the range in the address, if anything happened in it."""
    today = today_of(tenant)
    try:
        dates = read_range(request.GET, tenant.timezone, today)
    except RangeError as error:
        problem = {"problem": str(error), "heading": heading}
        return render_page(request, tenant, "dashboards/bad_range.html", problem, status=400)
    compare = request.GET.get("compare") != "none"
    context: dict[str, Any] = {
        "heading": heading,
        "dates": dates,
        "compare": compare,
        "months": months_to_choose(tenant, today, dates),
    }
    if not has_events(tenant, dates):
        context |= _first_steps(request, tenant, dates)
        return render_page(request, tenant, "dashboards/empty.html", context)
    context["page"] = build(dates, compare)
    return render_page(request, tenant, f"dashboards/{heading.lower()}.html", context)


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


def _first_steps(request: HttpRequest, tenant: Tenant, dates: DateRange) -> dict[str, object]:
    """Where to send the first event to; where there are some, if the month before has any."""
    before = dates.previous
    return {
        "events_url": request.build_absolute_uri(reverse("events")),
        "now": f"{timezone.now():%Y-%m-%dT%H:%M:%SZ}",
        "earlier": before if has_events(tenant, before) else None,
    }
