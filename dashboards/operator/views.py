"""The operator's pages: parse the address, read, render."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_safe

from billing.closing_runs import AlreadyRunningError, ask
from billing.tasks import work_on_closing_run
from dashboards.frame import render_operator_page
from dashboards.operator import closing
from dashboards.operator.access import operator_page
from dashboards.operator.health import health_page
from dashboards.operator.months import MonthsError, read_month, read_months, shifted, this_month
from dashboards.operator.revenue import revenue_page
from dashboards.operator.stripe import stripe_page
from dashboards.operator.tenants import tenants_page
from dashboards.operator.unpriced import unpriced_page

MAY_CLOSE = "billing.add_closingrun"


@require_safe
@operator_page
def tenants(request: HttpRequest) -> HttpResponse:
    """All tenants, and how each stands."""
    found = tenants_page(request.GET.get("q", "").strip(), request.GET.get("page", "1"))
    return _page(request, "tenants", "Tenants", found)


@require_safe
@operator_page
def revenue(request: HttpRequest) -> HttpResponse:
    """Revenue, cost and margin."""
    found = revenue_page(read_months(request.GET))
    return _page(request, "months", "Revenue and margin", found)


@require_safe
@operator_page
def health(request: HttpRequest) -> HttpResponse:
    """Ingestion of all tenants."""
    return _page(request, "page", "Ingestion of all tenants", health_page())


@require_safe
@operator_page
def unpriced(request: HttpRequest) -> HttpResponse:
    """What has no price."""
    months = read_months(request.GET or {"month": f"{this_month():%Y-%m}"})
    return _page(request, "months", "Unpriced usage", unpriced_page(months))


@require_safe
@operator_page
def stripe(request: HttpRequest) -> HttpResponse:
    """What differs from Stripe, of a month that is asked for."""
    text = request.GET.get("month")
    month = read_month("month", text) if text else None
    return _page(request, "stripe", "Stripe differences", stripe_page(month))


@require_http_methods(["GET", "HEAD", "POST"])
@operator_page
def close(request: HttpRequest) -> HttpResponse:
    """A month's close; a post starts it."""
    last = f"{shifted(this_month(), -1):%Y-%m}"
    if request.method == "POST":
        return _start(request, request.POST.get("month", ""))
    month = read_month("month", request.GET.get("month") or last)
    found = closing.closing_page(month) | {"may_close": request.user.has_perm(MAY_CLOSE)}
    return _page(request, "close", "Month close", found)


@require_safe
@operator_page
def progress(request: HttpRequest) -> HttpResponse:
    """How far a month's run is."""
    month = read_month("month", request.GET.get("month", ""))
    return JsonResponse(closing.progress_of(month))


def _start(request: HttpRequest, text: str) -> HttpResponse:
    user = request.user
    if not user.has_perm(MAY_CLOSE):
        raise PermissionDenied("This takes the right to close a month: add closing run.")
    month = read_month("month", text)
    if month > this_month():
        raise MonthsError(f"{text} has not begun.")
    finalize = request.POST.get("do") == "finalize"
    try:
        run = ask(month, finalize=finalize, asked_by=user.get_username())
    except AlreadyRunningError as error:
        messages.warning(request, f"Nothing was started: {error}.")
    else:
        transaction.on_commit(lambda: work_on_closing_run.delay(run.pk))
        messages.info(request, f"The close of {month:%B %Y} has been started.")
    return redirect(closing.address(month))


def _page(
    request: HttpRequest, template: str, heading: str, context: dict[str, object]
) -> HttpResponse:
    name = f"dashboards/operator/{template}.html"
    return render_operator_page(request, name, context | {"heading": heading})
