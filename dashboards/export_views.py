"""The page of exports: a small file at once, a large one by a worker."""

import uuid
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from billing.exports.ask import Ask, ExportError
from billing.exports.expected import expected_rows
from billing.exports.jobs import request_export
from billing.exports.registry import EXPORTS
from billing.exports.response import csv_response, file_response
from billing.exports_api import asked
from dashboards.access import tenant_page
from dashboards.export_page import FILES, LISTED, job_list, months, read_choice
from dashboards.frame import render_page
from dashboards.range_page import today_of
from dashboards.store_page import needs_store
from metering.models import Tenant

# A file of fewer rows is there before one could look at its progress.
SMALL = 20_000


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@tenant_page
@needs_store
def exports(request: HttpRequest, tenant: Tenant) -> HttpResponse:
    """What can be had, and what was asked for lately."""
    if request.method != "POST":
        return _show(request, tenant)
    asked_for = (request.POST.get(name, "").strip() for name in ("file", "month", "part"))
    try:
        return _give(tenant, read_choice(*asked_for))
    except ExportError as error:
        return _show(request, tenant, problem=f"{error.field.capitalize()}: {error.problem}.")


def _give(tenant: Tenant, ask: Ask) -> HttpResponse:
    if expected_rows(tenant, ask) > SMALL:
        request_export(tenant, ask)
        return redirect("exports")
    # Refused here, where there is a page to say why.
    EXPORTS[ask.kind].check([tenant], ask)
    query = urlencode({"period": ask.month, **ask.options, "tenant": tenant.slug})
    return redirect(f"{reverse('export-now', args=[ask.kind])}?{query}")


@require_safe
@tenant_page
@needs_store
def export_now(request: HttpRequest, tenant: Tenant, kind: str) -> HttpResponseBase:
    """A file as it is made: the bytes of the API and of the command."""
    if kind not in EXPORTS:
        raise Http404(f"there is no export {kind}")
    try:
        return csv_response(tenant, asked(kind, request.GET.dict()))
    except ExportError as error:
        return _show(request, tenant, problem=f"{error.field.capitalize()}: {error.problem}.")


@require_safe
@tenant_page
def export_file(request: HttpRequest, tenant: Tenant, job: uuid.UUID) -> HttpResponseBase:
    """The file of a job that is done."""
    found = tenant.exports.select_related("tenant").filter(pk=job).first()
    if found is None or not found.available:
        raise Http404("there is no such file, or its time is over")
    try:
        return file_response(found)
    except FileNotFoundError:
        raise Http404("the file is gone; ask for it again") from None


def _show(request: HttpRequest, tenant: Tenant, problem: str = "") -> HttpResponse:
    jobs = job_list(tenant.exports.all()[:LISTED], tenant.timezone)
    context = {
        "files": FILES,
        "months": months(today_of(tenant)),
        "chosen": {name: request.POST.get(name, "") for name in ("file", "month")},
        "jobs": jobs,
        "running": any(job.open for job in jobs),
        "problem": problem,
        "in_parts": problem.startswith("Part"),
    }
    status = 400 if problem else 200
    return render_page(request, tenant, "dashboards/exports.html", context, status=status)
