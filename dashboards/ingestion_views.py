"""The pages of ingestion: what came in, and what was refused, to be repaired."""

import uuid
from typing import cast
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dashboards import formats
from dashboards.access import Act, check_may, may, tenant_page
from dashboards.frame import render_page
from dashboards.ingestion import ingestion_page
from dashboards.quarantine_pages import editable, read_waiting, refused_page
from dashboards.range_page import compares, range_context, range_page
from dashboards.ranges import DateRange
from dashboards.store_page import needs_store
from metering import quarantine
from metering.clickhouse.quarantine_query import WAITING, Entries, Quarantined
from metering.models import Tenant
from metering.quarantine import NotWaiting, Outcome
from metering.quarantine_api import body_file


@range_page("Ingestion", "ingestion")
def ingestion(request: HttpRequest, tenant: Tenant, dates: DateRange) -> HttpResponse:
    """What came in within a range and whether all of it is somewhere; what waits in quarantine."""
    compare = compares(request)
    asked = (request.GET.get(name, "") for name in ("state", "reason", "after"))
    page = ingestion_page(tenant, dates, compare=compare, waiting=read_waiting(tenant, *asked))
    context = {
        **range_context(tenant, dates, compare=compare),
        "page": page,
        "may_repair": may(cast(User, request.user), tenant, Act.REPAIR),
        "events_url": request.build_absolute_uri(reverse("events")),
    }
    return render_page(request, tenant, "dashboards/ingestion.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@tenant_page
@needs_store
def refused(request: HttpRequest, tenant: Tenant, reference: uuid.UUID) -> HttpResponse:
    """One refused event; an owner or developer may replay it, repaired or not, or drop it."""
    entry = _own(tenant, reference)
    if request.method != "POST":
        return _show(request, tenant, entry)
    check_may(request, tenant, Act.REPAIR)
    try:
        problem = _act(request, tenant, entry)
    except NotWaiting as error:
        problem = f"Nothing was done: {error}."
    if problem:
        return _show(request, tenant, _own(tenant, reference), problem)
    return redirect("refused", reference=reference)


@require_safe
@tenant_page
@needs_store
def refused_bytes(request: HttpRequest, tenant: Tenant, reference: uuid.UUID) -> HttpResponse:
    """The bytes of a refused event, as they came."""
    return body_file(_own(tenant, reference))


@require_POST
@tenant_page
@needs_store
def replay_reason(request: HttpRequest, tenant: Tenant) -> HttpResponse:
    """Replay everything that was refused for a reason, as after a fix."""
    check_may(request, tenant, Act.REPAIR)
    reason = request.POST.get("reason", "")
    if not reason:
        raise Http404("no reason is named")
    entries = Entries(tenant=tenant.id, detail=reason)
    outcome = quarantine.replay_all(tenant, entries, _actor(request))
    messages.info(request, _said(outcome))
    return redirect(f"{reverse('ingestion')}?{urlencode({'reason': reason})}#quarantine")


def _act(request: HttpRequest, tenant: Tenant, entry: Quarantined) -> str:
    """What the form asks for; what is wrong, if anything is."""
    if request.POST.get("do") == "drop":
        try:
            quarantine.drop(tenant, entry, _actor(request), request.POST.get("reason", ""))
        except ValueError as error:
            return f"Nothing was done: {error}."
        messages.info(request, "It is dropped.")
        return ""
    # Browsers send every end of a line as two characters.
    event = request.POST.get("event", "").replace("\r\n", "\n").encode()
    as_it_came = event.decode() == editable(entry)
    body = None if as_it_came or not event.strip() else event
    outcome = quarantine.replay(tenant, entry, _actor(request), body)
    for _, detail in outcome.still_waiting:
        return f"It was refused again: {detail}"
    messages.info(request, _said(outcome))
    return ""


def _show(
    request: HttpRequest, tenant: Tenant, entry: Quarantined, problem: str = ""
) -> HttpResponse:
    context = {
        "page": refused_page(entry, tenant),
        "problem": problem,
        "event": request.POST.get("event") or editable(entry),
        "may_repair": may(cast(User, request.user), tenant, Act.REPAIR) and entry.state == WAITING,
        "most_reason": quarantine.MOST_REASON,
    }
    status = 400 if problem else 200
    return render_page(request, tenant, "dashboards/refused.html", context, status=status)


def _own(tenant: Tenant, reference: uuid.UUID) -> Quarantined:
    entry = quarantine.find(tenant, reference)
    if entry is None:
        raise Http404("there is no such event in quarantine")
    return entry


def _actor(request: HttpRequest) -> str:
    return str(request.user.get_username())


def _said(outcome: Outcome) -> str:
    parts = [
        f"{formats.count(outcome.accepted)} stored",
        f"{formats.count(outcome.duplicates)} there already",
    ]
    if outcome.still_waiting:
        again = outcome.still_waiting
        parts.append(f"{formats.count(len(again))} refused again, the first: {again[0][1]}")
    return f"Replayed: {', '.join(parts)}."
