"""The page of budgets and alerts: how each budget stands, what was told, and whether it arrived."""

from decimal import Decimal
from typing import Any, cast

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from billing.budgets.models import THRESHOLDS
from billing.budgets.queries import BudgetRow, rows
from billing.budgets.setting import BudgetError, Wanted, set_budget, stop_budget
from billing.rating.money import ROUNDED
from dashboards import formats
from dashboards.access import Act, check_may, may, tenant_page
from dashboards.frame import render_page
from dashboards.quarantine_pages import local_clock
from metering.models import Tenant
from metering.notices.models import AlertChannel, Notice

_TOLD = 50
_TEXTS = ("code", "amount", "period", "agent", "label")
# The bar ends here, so that what is above the amount can be seen.
_WIDEST = Decimal(120)


@require_http_methods(["GET", "HEAD", "POST"])
@tenant_page
def budgets(request: HttpRequest, tenant: Tenant) -> HttpResponse:
    """Every budget with its thresholds, and the last alerts; owner and finance set them."""
    if request.method != "POST":
        return _show(request, tenant)
    check_may(request, tenant, Act.BUDGETS)
    try:
        if request.POST.get("do") == "stop":
            stop_budget(tenant, request.POST.get("code", ""))
        else:
            set_budget(tenant, _wanted(request))
    except BudgetError as error:
        return _show(request, tenant, problem=f"Nothing was changed: {error}.")
    return redirect("budgets")


def _wanted(request: HttpRequest) -> Wanted:
    texts = {name: request.POST.get(name, "") for name in _TEXTS}
    return Wanted(**texts, hard=request.POST.get("hard") == "on")


def _show(request: HttpRequest, tenant: Tenant, problem: str = "") -> HttpResponse:
    context = {
        "problem": problem,
        "may_set": may(cast(User, request.user), tenant, Act.BUDGETS),
        "written": {name: request.POST.get(name, "") for name in (*_TEXTS, "hard")},
        "lines": [_line(row, tenant) for row in rows(tenant)],
        "marks": THRESHOLDS,
        "told": [_told(notice, tenant) for notice in _notices(tenant)],
        "channels": AlertChannel.objects.filter(tenant=tenant, enabled=True),
    }
    status = 400 if problem else 200
    return render_page(request, tenant, "dashboards/budgets.html", context, status=status)


def _notices(tenant: Tenant) -> list[Notice]:
    found = Notice.objects.filter(tenant=tenant).prefetch_related("deliveries")
    return list(found.order_by("-pk")[:_TOLD])


def _line(row: BudgetRow, tenant: Tenant) -> dict[str, Any]:
    spent, held = _percent(row.spent, row), _percent(row.reserved, row)
    amounts = ("amount", "spent", "reserved", "left")
    return {
        "budget": row.budget,
        "since": formats.day(row.start),
        **{name: formats.money(getattr(row, name), tenant.currency) for name in amounts},
        "percent": formats.percent(row.spent / row.amount, 0),
        "spent_width": min(spent, _WIDEST),
        "held_width": min(held, max(_WIDEST - spent, Decimal(0))),
        "alerts": list(row.alerts.items()),
        "unpriced": row.unpriced,
    }


def _percent(part: Decimal, row: BudgetRow) -> Decimal:
    """For the drawing only."""
    return (part * 100 / row.amount).quantize(Decimal("0.1"), context=ROUNDED)


def _told(notice: Notice, tenant: Tenant) -> dict[str, Any]:
    sent = list(notice.deliveries.all())
    arrived = sum(one.delivered_at is not None for one in sent)
    failed = sum(one.delivered_at is None and one.due_at is None for one in sent)
    state = "sent to nobody" if not sent else f"{arrived} of {len(sent)} arrived"
    return {
        "notice": notice,
        "when": local_clock(notice.created_at, tenant),
        "state": f"{state}, {failed} given up" if failed else state,
    }
