"""The pages of agents."""

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from dashboards.access import tenant_page
from dashboards.agent_pages import agent_page, agents_page
from dashboards.frame import render_page
from dashboards.ranges import DateRange, RangeError, read_range
from dashboards.views import months_to_choose, needs_store, today_of
from metering.models import Tenant


@require_safe
@tenant_page
@needs_store
def agents(request: HttpRequest, tenant: Tenant) -> HttpResponse:
    """The fleet: who is active, who delivers, who came, who went, who stays."""
    dates = _dates(request, tenant)
    if isinstance(dates, HttpResponse):
        return dates
    context = {"page": agents_page(tenant, dates), **_range(tenant, dates, {})}
    return render_page(request, tenant, "dashboards/agents.html", context)


@require_safe
@tenant_page
@needs_store
def agent(request: HttpRequest, tenant: Tenant) -> HttpResponse:
    """One agent: its days, what a success costs, what failed."""
    dates = _dates(request, tenant)
    if isinstance(dates, HttpResponse):
        return dates
    name = request.GET.get("agent", "")
    page = agent_page(tenant, dates, name) if name else None
    if page is None:
        raise Http404(f"there is no agent {name!r}")
    context = {"page": page, **_range(tenant, dates, {"agent": name})}
    return render_page(request, tenant, "dashboards/agent.html", context)


def _dates(request: HttpRequest, tenant: Tenant) -> DateRange | HttpResponse:
    try:
        return read_range(request.GET, tenant.timezone, today_of(tenant))
    except RangeError as error:
        problem = {"problem": str(error)}
        return render_page(request, tenant, "dashboards/bad_range.html", problem, status=400)


def _range(tenant: Tenant, dates: DateRange, keep: dict[str, str]) -> dict[str, object]:
    return {
        "dates": dates,
        "compare": True,
        "alone": True,  # there is nothing to compare with here
        "keep": keep,
        "months": months_to_choose(tenant, today_of(tenant), dates),
    }
