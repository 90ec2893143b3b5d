"""The page of activity: who did what to the tenant."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from dashboards.access import tenant_page
from dashboards.frame import render_page
from dashboards.quarantine_pages import local_clock
from metering.audit import log_of
from metering.models import AuditEntry, Tenant

PAGE = 50
# What an action is in words, its subject after it.
_WORDS = {
    "api_key.created": "made the API key",
    "api_key.revoked": "revoked the API key",
    "quarantine.replayed": "replayed what was refused:",
    "quarantine.dropped": "dropped what was refused:",
    "invoice.finalized": "finalized the invoice",
    "invoice.payment": "booked a payment of",
    "invoice.void": "made void",
    "invoice.uncollectible": "gave up",
    "invoice.paid": "saw paid in full",
    "invoice.rerated": "rated again",
    "budget.set": "set the budget",
    "budget.stopped": "stopped the budget",
    "credits.granted": "granted prepaid credit:",
    "credits.withdrawn": "withdrew prepaid credit:",
    "export.requested": "asked for the export of",
    "tenant.created": "made the tenant",
    "member.invited": "invited",
    "member.joined": "joined as",
    "member.changed": "changed the role of",
    "member.removed": "removed the member",
    "invitation.withdrawn": "withdrew the invitation of",
}


@require_safe
@tenant_page
def activity(request: HttpRequest, tenant: Tenant) -> HttpResponse:
    """A page of the audit log, the latest first."""
    asked = request.GET.get("after", "")
    after = int(asked) if asked.isascii() and asked.isdecimal() and len(asked) <= 18 else 0
    found = log_of(tenant, PAGE + 1, after)
    context = {
        "lines": [_line(entry, tenant) for entry in found[:PAGE]],
        "following": found[PAGE - 1].position if len(found) > PAGE else None,
        "after": after,
    }
    return render_page(request, tenant, "dashboards/activity.html", context)


def _line(entry: AuditEntry, tenant: Tenant) -> dict[str, object]:
    return {
        "entry": entry,
        "when": local_clock(entry.moment, tenant),
        "did": _WORDS.get(entry.action, entry.action.replace(".", " ").replace("_", " ") + ":"),
        "details": ", ".join(f"{name} {value}" for name, value in sorted(entry.details.items())),
    }
