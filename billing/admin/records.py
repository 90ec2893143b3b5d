"""Payments, prepaid credit and whatever else is only ever added to: looked at, never changed."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.http import HttpRequest

from billing.admin.pages import OperatorAdmin, ReadOnly
from billing.closing_run import ClosingRun
from billing.exports.job import ExportJob
from billing.models import InvoiceSeries
from billing.parties import BillingDetails
from billing.payments import InvoiceChange, Payment
from billing.prepaid.models import CreditGrant, CreditMovement
from billing.restatement import Restatement

# Generic in its type hints only.
if TYPE_CHECKING:
    _Admin = admin.ModelAdmin[Any]
else:
    _Admin = admin.ModelAdmin


class Looked(ReadOnly, _Admin):
    """A list to search in, whose rows show all of their fields."""

    list_per_page = 50
    show_full_result_count = False


@admin.register(BillingDetails)
class BillingDetailsAdmin(OperatorAdmin):
    """Whom a tenant's invoices are made out to."""

    list_display = ("tenant", "billing_name", "billing_email", "tax_id", "payment_days")
    search_fields = ("tenant__slug", "billing_name", "tax_id")
    list_select_related = ("tenant",)
    autocomplete_fields = ("tenant",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Payment)
class PaymentAdmin(Looked):
    """What came in for invoices."""

    list_display = ("invoice", "amount", "currency", "method", "reference", "paid_at", "actor")
    list_filter = ("method", "currency")
    search_fields = ("invoice__number", "reference", "key")
    list_select_related = ("invoice__tenant",)
    date_hierarchy = "paid_at"


@admin.register(InvoiceChange)
class InvoiceChangeAdmin(Looked):
    """What became of finalized invoices, who said so, and why."""

    list_display = ("invoice", "before", "after", "actor", "reason", "moment")
    list_filter = ("after",)
    search_fields = ("invoice__number", "reason", "actor")
    list_select_related = ("invoice__tenant",)


@admin.register(Restatement)
class RestatementAdmin(Looked):
    """Invoiced months that were rated again under corrected prices."""

    list_display = ("invoice", "reason", "actor", "moment")
    search_fields = ("invoice__number", "reason", "actor")
    list_select_related = ("invoice__tenant",)


@admin.register(CreditGrant)
class CreditGrantAdmin(Looked):
    """Prepaid credit; `grant_credits` tops it up."""

    list_display = ("tenant", "amount", "currency", "priority", "effective_at", "expires_at", "key")
    list_filter = ("currency",)
    search_fields = ("tenant__slug", "key", "reason")
    list_select_related = ("tenant",)


@admin.register(CreditMovement)
class CreditMovementAdmin(Looked):
    """What was drawn of a grant, given back, or expired."""

    list_display = ("grant", "sequence", "kind", "amount", "left", "invoice", "moment")
    list_filter = ("kind",)
    search_fields = ("grant__tenant__slug", "invoice__number", "key")
    list_select_related = ("grant__tenant", "invoice__tenant")


@admin.register(ClosingRun)
class ClosingRunAdmin(Looked):
    """Closes of a month that were started from its page."""

    list_display = ("month", "finalize", "asked_by", "started_at", "finished_at", "done", "tenants")
    list_filter = ("finalize",)


@admin.register(ExportJob)
class ExportJobAdmin(Looked):
    """Finance files that a worker makes."""

    list_display = ("kind", "month", "tenant", "status", "rows", "actor", "created_at", "problem")
    list_filter = ("status", "kind")
    search_fields = ("tenant__slug", "actor")
    list_select_related = ("tenant",)


@admin.register(InvoiceSeries)
class InvoiceSeriesAdmin(Looked):
    """The last number given in each series."""

    list_display = ("code", "last_number")
