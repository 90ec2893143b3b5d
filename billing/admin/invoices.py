"""Invoices with their lines: only looked at, for what is finalized never changes."""

from typing import TYPE_CHECKING

from django.contrib import admin

from billing.admin.pages import ReadOnly
from billing.models import Invoice, InvoiceLine

# Generic in their type hints only.
if TYPE_CHECKING:
    _InvoiceAdmin = admin.ModelAdmin[Invoice]
    _LineInline = admin.TabularInline[InvoiceLine, Invoice]
else:
    _InvoiceAdmin = admin.ModelAdmin
    _LineInline = admin.TabularInline


class LineInline(ReadOnly, _LineInline):
    """The lines below their invoice."""

    model = InvoiceLine
    fk_name = "invoice"
    fields = ("position", "code", "description", "quantity", "unit", "unit_amount", "amount")


@admin.register(Invoice)
class InvoiceAdmin(ReadOnly, _InvoiceAdmin):
    """Invoices by month."""

    list_display = ("__str__", "tenant", "month", "status", "total", "currency")
    list_filter = ("status", "month")
    search_fields = ("number", "tenant__slug")
    inlines = (LineInline,)
