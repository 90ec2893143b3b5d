"""Charges edited as forms, with a preview of what a quantity costs."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.urls import path

from billing.admin.pages import OperatorAdmin, scripts
from billing.admin.words import charge_words, meter_words
from billing.charge_preview import preview
from billing.forms import charge_fields, charge_json
from billing.forms.charge_form import ChargeForm
from billing.invoiced_from import note_of_invoices
from billing.models import Charge
from metering.usage.meter import DIMENSIONS, METRIC_DIMENSIONS, VALUES


@admin.register(Charge)
class ChargeAdmin(OperatorAdmin):
    """What is counted and how it is priced."""

    form = ChargeForm
    change_form_template = "admin/billing/charge_form.html"
    list_display = ("code", "version", "counts", "price", "position")
    list_filter = ("version__plan",)
    search_fields = ("code", "version__plan__code")
    list_select_related = ("version__plan",)

    class Media:
        css = {"all": ("billing/forms.css",)}
        js = scripts("rows", "charge", "preview")

    @admin.display(description="Counts")
    def counts(self, charge: Charge) -> str:
        return meter_words(charge.meter)

    @admin.display(description="Price")
    def price(self, charge: Charge) -> str:
        return charge_words(charge.charge)

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **options: Any
    ) -> Any:
        return ChargeForm

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if not self.has_change_permission(request, obj):
            return [(None, {"fields": ("version", "position", "code", "counts", "price")})]
        return [
            (None, {"fields": ("version", "code", "position")}),
            ("What is counted", {"fields": charge_fields.METER_FIELDS}),
            ("Price", {"fields": ("model", *charge_json.PRICES)}),
            ("Adjustments, in the order they apply", {"fields": charge_json.ADJUSTMENTS}),
        ]

    def get_urls(self) -> list[Any]:
        site = self.admin_site
        own = path("preview/", site.admin_view(self.preview), name="billing_charge_preview")
        return [own, *super().get_urls()]

    def preview(self, request: HttpRequest) -> HttpResponse:
        """What a quantity would cost under the form as it stands, and what is wrong with it."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        form = ChargeForm(request.POST)
        found = preview(form, request.POST.get("quantity", ""), request.POST.get("events", ""))
        html = render_to_string("admin/billing/charge_preview.html", {"preview": found})
        return JsonResponse({"html": html, "errors": form.charge_errors()})

    def notes(self, obj: Charge) -> list[str]:
        return note_of_invoices(obj.version)

    def told(self, form: Any) -> Iterator[str]:
        for name in form.changed_data:
            if name in form.Meta.fields:
                yield f"{name} {form.initial.get(name)} → {form.cleaned_data[name]}"
        yield from form.changes()

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"aggregation": "sum"} | super().get_changeform_initial_data(request)

    def render_change_form(self, request: Any, context: Any, *args: Any, **named: Any) -> Any:
        context["tables"] = {
            "models": {n: [*f] for n, f in charge_json.MODEL_FIELDS.items()},
            "tiered": charge_json.TIERED,
            "prices": charge_json.PRICES,
            "tierPrice": {name: charge_json.tier_price(name) for name in charge_json.TIERED},
            "dimensions": DIMENSIONS | METRIC_DIMENSIONS,
            "values": VALUES,
            "metrics": list(METRIC_DIMENSIONS),
        }
        return super().render_change_form(request, context, *args, **named)
