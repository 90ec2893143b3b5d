"""Burst contracts edited as forms, with a preview of a month under them."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.urls import path

from billing.admin.pages import OperatorAdmin, scripts
from billing.contract_preview import Example, contract_preview, last_month
from billing.forms.contract_form import MILLISECONDS, PRICES, QUANTITIES, ContractForm
from billing.invoiced_from import note_of_contract
from billing.models import BurstContract
from billing.rating.money import plain


@admin.register(BurstContract)
class ContractAdmin(OperatorAdmin):
    """How a tenant's chips are charged from a date on."""

    form = ContractForm
    change_form_template = "admin/billing/contract_form.html"
    list_display = ("tenant", "chip", "valid_from", "chips", "held_at", "burst_from", "currency")
    list_display_links = ("tenant", "chip")
    list_filter = ("chip",)
    search_fields = ("tenant__slug", "tenant__name", "chip")
    list_select_related = ("tenant",)
    autocomplete_fields = ("tenant",)
    fieldsets = (
        (None, {"fields": ("tenant", "chip", "valid_from")}),
        ("Baseline and credits", {"fields": (*QUANTITIES[:1], *PRICES[:1], *QUANTITIES[1:])}),
        ("Beyond the baseline", {"fields": (*PRICES[1:], *MILLISECONDS)}),
    )

    class Media:
        css = {"all": ("billing/forms.css",)}
        js = scripts("rows", "preview")

    @admin.display(description="Baseline, chips")
    def chips(self, contract: BurstContract) -> str:
        return plain(contract.baseline)

    @admin.display(description="Baseline price a second")
    def held_at(self, contract: BurstContract) -> str:
        return plain(contract.baseline_price)

    @admin.display(description="Burst price a second")
    def burst_from(self, contract: BurstContract) -> str:
        prices = [str(tier.get("unit_amount")) for tier in contract.burst_tiers]
        return " → ".join(prices)

    @admin.display(description="Currency")
    def currency(self, contract: BurstContract) -> str:
        return contract.tenant.currency

    def get_urls(self) -> list[Any]:
        site = self.admin_site
        own = path("preview/", site.admin_view(self.preview), name="billing_burstcontract_preview")
        return [own, *super().get_urls()]

    def preview(self, request: HttpRequest) -> HttpResponse:
        """A month under the form as it stands, and what is wrong with it."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        form = ContractForm(request.POST)
        found = contract_preview(form, request.POST)
        html = render_to_string("admin/billing/contract_preview.html", {"preview": found})
        return JsonResponse({"html": html, "errors": form.all_errors()})

    def notes(self, obj: BurstContract) -> list[str]:
        return note_of_contract(obj)

    def told(self, form: Any) -> Iterator[str]:
        yield from super().told(form)
        yield from form.changes()

    def render_change_form(self, request: Any, context: Any, *args: Any, **named: Any) -> Any:
        contract = named.get("obj") or (args[3] if len(args) > 3 else None)
        context["example"] = Example()
        context["last_month"] = last_month(contract.tenant) if contract else ""
        return super().render_change_form(request, context, *args, **named)
