"""The page of bursts."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from dashboards.access import tenant_page
from dashboards.burst_pages import burst_page
from dashboards.frame import render_page
from dashboards.ranges import RangeError, read_range
from dashboards.views import months_to_choose, needs_store, today_of
from metering.models import Tenant


@require_safe
@tenant_page
@needs_store
def bursts(request: HttpRequest, tenant: Tenant) -> HttpResponse:
    """The chips of a range: level, credits, what they cost and would have cost."""
    today = today_of(tenant)
    try:
        dates = read_range(request.GET, tenant.timezone, today)
    except RangeError as error:
        problem = {"problem": str(error)}
        return render_page(request, tenant, "dashboards/bad_range.html", problem, status=400)
    page = burst_page(tenant, dates, request.GET.get("chip", ""))
    context = {
        "dates": dates,
        "compare": True,
        "alone": True,  # there is nothing to compare with here
        "months": months_to_choose(tenant, today, dates),
        "page": page,
        "keep": {"chip": page.chip} if page else {},
    }
    return render_page(request, tenant, "dashboards/bursts.html", context)
