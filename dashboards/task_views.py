"""The pages of tasks: parse the address, read, render."""

from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from billing.dearest_tasks import TooManyTasks, dearest
from billing.ledger import ledger_rows
from billing.rating.money import plain
from billing.task_events import costed_events
from dashboards.access import tenant_page
from dashboards.frame import render_page
from dashboards.range_page import range_context, range_page
from dashboards.ranges import DateRange, RangeError
from dashboards.store_page import needs_store
from dashboards.task_pages import (
    MOST_STEPS,
    read_after,
    read_filter,
    read_rank,
    task_page,
    task_texts,
)
from metering import task_queries
from metering.models import Tenant
from metering.usage.ledger import STATUSES, TaskLine
from metering.usage.period import Period

PAGE = 50
_FILTERS = ("prefix", "agent", "status", "session", "model", "label", "parent_task", "sort")


@range_page("Tasks", "tasks")
def tasks(request: HttpRequest, tenant: Tenant, dates: DateRange) -> HttpResponse:
    """The ledger, the newest outcome first."""
    try:
        lines, older = _page(request, tenant, dates.period)
    except TooManyTasks as error:
        raise RangeError(str(error)) from None
    asked = {name: request.GET[name] for name in _FILTERS if request.GET.get(name)}
    context: dict[str, Any] = {
        **range_context(tenant, dates, keep=asked),
        "statuses": STATUSES,
        "asked": asked,
        "filters": urlencode(asked),
        "first_page": "after_task" not in request.GET,
        "rows": task_texts(ledger_rows(tenant, lines).rows, tenant),
    }
    if older:
        context["older"] = urlencode(asked | older)
    return render_page(request, tenant, "dashboards/tasks.html", context)


def _page(
    request: HttpRequest, tenant: Tenant, period: Period
) -> tuple[list[TaskLine], dict[str, str]]:
    """The lines of a page, and the place of its last one where more follow."""
    matching = read_filter(request.GET)
    if request.GET.get("sort") == "cost":
        after = read_rank(request.GET)
        found = dearest(tenant, period, matching, after)[: PAGE + 1]
        lines = [line for _, line in found]
        ends = [{"after_cost": plain(r.cost) if r.cost is not None else ""} for r, _ in found]
    else:
        lines = task_queries.ledger(tenant, period, matching, read_after(request.GET), PAGE + 1)
        ends = [{"after_time": line.time.isoformat()} for line in lines]
    if len(lines) <= PAGE:
        return lines, {}
    return lines[:PAGE], ends[PAGE - 1] | {"after_task": lines[PAGE - 1].task}


@require_safe
@tenant_page
@needs_store
def task(request: HttpRequest, tenant: Tenant, task: str) -> HttpResponse:
    """One task: its waterfall, what it came to, its sub-tasks."""
    line = task_queries.find_task(tenant, task)
    if line is None:
        raise Http404(f"there is no task {task!r}")
    events = costed_events(tenant, line, None, MOST_STEPS + 1)
    context = {"page": task_page(ledger_rows(tenant, [line]), events, tenant)}
    return render_page(request, tenant, "dashboards/task.html", context)
