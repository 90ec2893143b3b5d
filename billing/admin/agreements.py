"""Fees and allowances of plans, and what is agreed with one tenant; `apply` writes them."""

from django.contrib import admin

from billing.admin.records import Looked
from billing.admin.words import charge_words, meter_words
from billing.concessions import Coupon, TenantCharge
from billing.plan_parts import Allowance, Fee


@admin.register(Fee)
class FeeAdmin(Looked):
    """What is owed for each month or year, whatever was used."""

    list_display = ("code", "version", "amount", "interval", "in_advance", "prorate")
    list_filter = ("version__plan", "interval")
    search_fields = ("code", "description", "version__plan__code")
    list_select_related = ("version__plan",)


@admin.register(Allowance)
class AllowanceAdmin(Looked):
    """Units that are free each month."""

    list_display = ("code", "version", "units", "charges", "prorate")
    list_filter = ("version__plan",)
    search_fields = ("code", "version__plan__code")
    list_select_related = ("version__plan",)


@admin.register(Coupon)
class CouponAdmin(Looked):
    """What is taken off a tenant's invoices."""

    list_display = ("tenant", "code", "percent", "amount", "currency", "valid_from", "months")
    search_fields = ("tenant__slug", "code", "description")
    list_select_related = ("tenant",)


@admin.register(TenantCharge)
class TenantChargeAdmin(Looked):
    """Charges of a tenant's own, in a few words each."""

    list_display = ("tenant", "code", "counts", "price", "valid_from", "ends")
    search_fields = ("tenant__slug", "code")
    list_select_related = ("tenant",)
    fields = readonly_fields = ("tenant", "code", "counts", "price", "valid_from", "ends")

    @admin.display(description="Counts")
    def counts(self, charge: TenantCharge) -> str:
        return meter_words(charge.meter)

    @admin.display(description="Price")
    def price(self, charge: TenantCharge) -> str:
        return charge_words(charge.charge)
