"""What stands around every page of a tenant: navigation, tenants to choose from, who is there."""

from dataclasses import dataclass
from typing import Any, cast

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from dashboards.access import visible_tenants
from metering.models import Tenant

# Names of addresses at which one is still at the invoices.
INVOICES = {"invoices", "invoice", "invoice-preview", "invoice-verify", "line-events"}


@dataclass(frozen=True, slots=True)
class Entry:
    """A page one can go to."""

    name: str
    url: str
    current: bool


@dataclass(frozen=True, slots=True)
class Group:
    """Entries under a heading; the first group needs none."""

    heading: str
    entries: list[Entry]


def render_page(
    request: HttpRequest,
    tenant: Tenant,
    template: str,
    context: dict[str, Any],
    status: int = 200,
) -> HttpResponse:
    """A page of a tenant in its frame."""
    user = cast(User, request.user)
    frame = {
        "tenant": tenant,
        "tenants": visible_tenants(user),
        "navigation": _navigation(request, user),
    }
    return render(request, template, frame | context, status=status)


def _navigation(request: HttpRequest, user: User) -> list[Group]:
    here = request.resolver_match.url_name if request.resolver_match else ""
    groups = [
        Group("", [Entry("Overview", reverse("overview"), here == "overview")]),
        Group(
            "What happened",
            [
                Entry("Spend", reverse("explorer"), here in {"explorer", "explorer-events"}),
                Entry("Agents", reverse("agents"), here in {"agents", "agent"}),
                Entry("Tasks", reverse("tasks"), here in {"tasks", "task"}),
                Entry("Efficiency", reverse("efficiency"), here == "efficiency"),
                Entry("Bursts", reverse("bursts"), here == "bursts"),
                Entry("Ingestion", reverse("ingestion"), here in {"ingestion", "refused"}),
            ],
        ),
        Group(
            "Money",
            [
                Entry("Invoices", reverse("invoices"), here in INVOICES),
                Entry("Exports", reverse("exports"), here == "exports"),
            ],
        ),
    ]
    set_up = [
        Entry("Members", reverse("members"), here == "members"),
        Entry("Activity", reverse("activity"), here == "activity"),
    ]
    if user.is_staff:
        set_up.append(Entry("Administration", reverse("admin:index"), False))
    groups.append(Group("Set-up", set_up))
    return groups
