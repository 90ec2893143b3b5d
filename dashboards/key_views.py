"""The page of API keys: which there are, making and revoking them, and a tenant's first events."""

from datetime import UTC, datetime, timedelta
from typing import cast

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_safe

from dashboards.access import Act, check_may, may, tenant_page
from dashboards.frame import render_page
from dashboards.key_examples import examples
from metering import queries
from metering.api_keys import SCOPES, create_api_key, revoke_api_key
from metering.models import Tenant
from metering.queries import StoreUnavailable
from metering.usage.period import Period

_DOES = {"ingest": "sends events", "read": "reads numbers and invoices"}


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@sensitive_variables("key")
@tenant_page
def keys(request: HttpRequest, tenant: Tenant) -> HttpResponse:
    """The keys; owners and developers make and revoke them. A new one is shown this once."""
    if request.method != "POST":
        return _show(request, tenant)
    check_may(request, tenant, Act.KEYS)
    if request.POST.get("do") == "make":
        scopes = [scope for scope in SCOPES if scope in request.POST.getlist("scope")]
        if not scopes:
            return _show(request, tenant, problem="A key has to be allowed something.")
        return _show(request, tenant, key=create_api_key(tenant, scopes))
    _revoke(request, tenant)
    return redirect("keys")


@require_safe
@never_cache
@tenant_page
def arrived(request: HttpRequest, tenant: Tenant) -> HttpResponse:
    """A part of a page that asks for itself again until something came in."""
    return render(request, "dashboards/_arrived.html", _arrived(tenant))


def _revoke(request: HttpRequest, tenant: Tenant) -> None:
    pk = request.POST.get("id", "")
    found = tenant.api_keys.filter(pk=int(pk)).first() if pk.isdecimal() and len(pk) < 19 else None
    if found is None:
        raise Http404("there is no such key")
    revoke_api_key(found)
    messages.info(request, f"{found.hint}… is refused from now on.")


@sensitive_variables("key")
def _show(request: HttpRequest, tenant: Tenant, key: str = "", problem: str = "") -> HttpResponse:
    base = request.build_absolute_uri("/").rstrip("/")
    now = f"{timezone.now():%Y-%m-%dT%H:%M:%SZ}"
    context = {
        "keys": tenant.api_keys.all(),
        "new_key": key,
        "problem": problem,
        "scopes": [(scope, _DOES[scope]) for scope in SCOPES],
        "may_change": may(cast(User, request.user), tenant, Act.KEYS),
        "examples": examples(base, key or "YOUR_KEY", now),
        **_arrived(tenant),
    }
    return render_page(request, tenant, "dashboards/keys.html", context)


def _arrived(tenant: Tenant) -> dict[str, object]:
    """What came in within the last day, by the clock of the event store."""
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    try:
        found = queries.intake(
            tenant, Period(hour - timedelta(hours=24), hour + timedelta(hours=2))
        )
    except StoreUnavailable as error:
        return {"store_problem": str(error)}
    return {
        "received": sum(one.received for one in found),
        "accepted": sum(one.accepted for one in found),
        "duplicates": sum(one.duplicates for one in found),
        "quarantined": sum(one.quarantined for one in found),
    }
