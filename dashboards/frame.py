"""What stands around every page of a tenant: navigation, tenants to choose from, who is there."""

from dataclasses import dataclass
from typing import Any, cast

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from dashboards.access import visible_tenants
from metering.models import Tenant

# A longer list is searched rather than read.
MOST_TENANTS = 12
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
    navigation = _navigation(request, user)
    # What is one tenant's is not another's: from there its list is shown.
    here = [entry.url for group in navigation for entry in group.entries if entry.current]
    frame = {
        "tenant": tenant,
        "switch_at": here[0] if here else reverse("overview"),
        **_tenants(user),
        "navigation": navigation,
    }
    return render(request, template, frame | context, status=status)


def render_operator_page(
    request: HttpRequest, template: str, context: dict[str, Any], status: int = 200
) -> HttpResponse:
    """A page about all tenants in the same frame, which has none of them chosen."""
    user = cast(User, request.user)
    at = reverse("overview")
    frame = {**_tenants(user), "switch_at": at, "navigation": _navigation(request, user)}
    return render(request, template, frame | context, status=status)


def _tenants(user: User) -> dict[str, object]:
    """Those the menu names; where there are more, it has a search instead of all of them."""
    found = list(visible_tenants(user)[: MOST_TENANTS + 1])
    return {"tenants": found[:MOST_TENANTS], "more_tenants": len(found) > MOST_TENANTS}


def _of_operator(here: str) -> Group:
    pages = (
        ("Tenants", "operator-tenants"),
        ("Revenue", "operator-revenue"),
        ("All ingestion", "operator-ingestion"),
        ("Unpriced usage", "operator-unpriced"),
        ("Month close", "operator-close"),
        ("Stripe", "operator-stripe"),
    )
    entries = [Entry(name, reverse(url), here == url) for name, url in pages]
    entries.append(Entry("Administration", reverse("admin:index"), False))
    return Group("Operator", entries)


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
                Entry("Budgets and alerts", reverse("budgets"), here == "budgets"),
                Entry("Exports", reverse("exports"), here == "exports"),
            ],
        ),
    ]
    set_up = [
        Entry("API keys", reverse("keys"), here == "keys"),
        Entry("Members", reverse("members"), here == "members"),
        Entry("Activity", reverse("activity"), here == "activity"),
    ]
    groups.append(Group("Set-up", set_up))
    return [*groups, _of_operator(here or "")] if user.is_staff else groups
