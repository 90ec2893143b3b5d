"""The pages of agents."""

from django.http import Http404, HttpRequest, HttpResponse

from dashboards.agent_pages import agent_page, agents_page, first_day
from dashboards.frame import render_page
from dashboards.range_page import range_context, range_page
from dashboards.ranges import DateRange
from metering.models import Tenant


@range_page("Agents", "agents")
def agents(request: HttpRequest, tenant: Tenant, dates: DateRange) -> HttpResponse:
    """The fleet: who is active, who delivers, who came, who went, who stays."""
    context = {"page": agents_page(tenant, dates), **range_context(tenant, dates)}
    return render_page(request, tenant, "dashboards/agents.html", context)


@range_page("Agent", "agents")
def agent(request: HttpRequest, tenant: Tenant, dates: DateRange) -> HttpResponse:
    """One agent: its days, what a success costs, what failed."""
    name = request.GET.get("agent", "")
    page = agent_page(tenant, dates, name) if name else None
    context = {"page": page, **range_context(tenant, dates, keep={"agent": name})}
    if page is not None:
        return render_page(request, tenant, "dashboards/agent.html", context)
    if not (name and (first := first_day(tenant, name, dates))):
        raise Http404(f"there is no agent {name!r}")
    context |= {"name": name, "first": first}
    return render_page(request, tenant, "dashboards/agent_later.html", context)
