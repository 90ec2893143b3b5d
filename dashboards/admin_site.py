"""The operator's administration: models grouped by what they are for and not by app."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.http import HttpRequest

# Names of models by heading; what is in none of them stands under the last.
GROUPS: dict[str, tuple[str, ...]] = {
    "Tenants": (
        "Tenant",
        "Subscription",
        "BillingDetails",
        "Membership",
        "Invitation",
        "ApiKey",
        "ChipSource",
    ),
    "What is charged": (
        "Plan",
        "PlanVersion",
        "Charge",
        "Fee",
        "Allowance",
        "BurstContract",
        "TenantCharge",
        "Coupon",
    ),
    "What it costs": ("TokenPrice", "ChipPrice", "ToolPrice", "CatalogueRevision"),
    "Bills and payments": (
        "Invoice",
        "Payment",
        "InvoiceChange",
        "Restatement",
        "CreditGrant",
        "CreditMovement",
        "InvoiceSeries",
    ),
    "Work in the background": ("ClosingRun", "ExportJob"),
    "Stripe": ("StripePush", "StripeEvent", "StripeCustomer"),
    "What was noticed and done": ("Alert", "IngestionAlert", "AuditEntry"),
    "People": ("User", "Group"),
}
OTHERS = "Everything else"


class OperatorSite(admin.AdminSite):
    """Django's administration under the product's name, its index in the operator's order."""

    site_header = "Daybook administration"
    site_title = "Daybook"
    index_title = "Administration"
    site_url = "/operator/"

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """The groups as if each were an app; an app's own page lists what the app has."""
        apps: list[Any] = super().get_app_list(request, app_label)
        if app_label is not None:
            return apps
        models = [model for app in apps for model in app["models"]]
        return list(_grouped(models))


def _grouped(models: list[Any]) -> Iterator[dict[str, Any]]:
    by_name = {model["object_name"]: model for model in models}
    for heading, names in GROUPS.items():
        found = [by_name.pop(name) for name in names if name in by_name]
        if found:
            yield _group(heading, found)
    if by_name:
        yield _group(OTHERS, list(by_name.values()))


def _group(heading: str, models: list[Any]) -> dict[str, Any]:
    label = heading.lower().replace(" ", "-")
    return {
        "name": heading,
        "app_label": label,
        "app_url": f"#{label}",
        "has_module_perms": True,
        "models": models,
    }
