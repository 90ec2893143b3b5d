"""The page of bursts."""

from django.http import HttpRequest, HttpResponse

from dashboards.burst_pages import burst_page
from dashboards.frame import render_page
from dashboards.range_page import range_context, range_page
from dashboards.ranges import DateRange
from metering.models import Tenant


@range_page("Bursts", "bursts")
def bursts(request: HttpRequest, tenant: Tenant, dates: DateRange) -> HttpResponse:
    """The chips of a range: level, credits, what they cost and would have cost."""
    page = burst_page(tenant, dates, request.GET.get("chip", ""))
    keep = {"chip": page.chip} if page else {}
    context = {"page": page, **range_context(tenant, dates, keep=keep)}
    return render_page(request, tenant, "dashboards/bursts.html", context)
