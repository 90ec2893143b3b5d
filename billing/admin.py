"""The operator's view of plans, prices, contracts and invoices. Invoices are only looked at."""

from typing import TYPE_CHECKING

from django.contrib import admin
from django.db import models
from django.http import HttpRequest

from billing.models import (
    BurstContract,
    Charge,
    ChipPrice,
    Invoice,
    InvoiceLine,
    Plan,
    PlanVersion,
    Subscription,
    TokenPrice,
    ToolPrice,
)
from billing.stripe_sync import admin as stripe_admin  # noqa: F401 - registers its own

# Generic in their type hints only.
if TYPE_CHECKING:
    _InvoiceAdmin = admin.ModelAdmin[Invoice]
    _LineInline = admin.TabularInline[InvoiceLine, Invoice]
else:
    _InvoiceAdmin = admin.ModelAdmin
    _LineInline = admin.TabularInline


class _ReadOnly:
    """Seen by whoever may view the model, changed by nobody."""

    def has_add_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False


class LineInline(_ReadOnly, _LineInline):
    """The lines below their invoice."""

    model = InvoiceLine
    fk_name = "invoice"
    fields = ("position", "code", "description", "quantity", "unit", "unit_amount", "amount")


@admin.register(Invoice)
class InvoiceAdmin(_ReadOnly, _InvoiceAdmin):
    """Invoices by month."""

    list_display = ("__str__", "tenant", "month", "status", "total", "currency")
    list_filter = ("status", "month")
    search_fields = ("number", "tenant__slug")
    inlines = (LineInline,)


admin.site.register(
    [Plan, PlanVersion, Charge, Subscription, TokenPrice, ChipPrice, ToolPrice, BurstContract]
)
