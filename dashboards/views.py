"""The pages of the overview and of efficiency: read a range, render."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone

from dashboards.efficiency_page import efficiency_page, read_efficiency
from dashboards.frame import render_page
from dashboards.pages import overview as overview_page
from dashboards.range_page import compares, range_context, range_page
from dashboards.ranges import DateRange
from dashboards.rows import has_events, read_overview
from metering.models import Tenant


@range_page("Overview", "overview")
def overview(request: HttpRequest, tenant: Tenant, dates: DateRange) -> HttpResponse:
    """What the tenant's agents did and cost in a range."""

    def build(compare: bool) -> object:
        return overview_page(read_overview(tenant, dates, compare=compare), tenant, dates)

    return _built(request, tenant, dates, "Overview", build)


@range_page("Efficiency", "efficiency")
def efficiency(request: HttpRequest, tenant: Tenant, dates: DateRange) -> HttpResponse:
    """What a range's tokens cost, and what of it was of no use."""

    def build(compare: bool) -> object:
        return efficiency_page(read_efficiency(tenant, dates, compare=compare), tenant, dates)

    return _built(request, tenant, dates, "Efficiency", build)


def _built(
    request: HttpRequest,
    tenant: Tenant,
    dates: DateRange,
    heading: str,
    build: Callable[[bool], object],
) -> HttpResponse:
    """The page that `build` makes of the range, if anything happened in it."""
    compare = compares(request)
    context = {"heading": heading, **range_context(tenant, dates, compare=compare)}
    if not has_events(tenant, dates):
        context |= _first_steps(request, tenant, dates)
        return render_page(request, tenant, "dashboards/empty.html", context)
    context["page"] = build(compare)
    return render_page(request, tenant, f"dashboards/{heading.lower()}.html", context)


def _first_steps(request: HttpRequest, tenant: Tenant, dates: DateRange) -> dict[str, object]:
    """Where to send the first event to; where there are some, if the month before has any."""
    before = dates.previous
    return {
        "events_url": request.build_absolute_uri(reverse("events")),
        "now": f"{timezone.now():%Y-%m-%dT%H:%M:%SZ}",
        "earlier": before if has_events(tenant, before) else None,
    }
