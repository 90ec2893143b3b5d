"""Plans and their versions; the charges of a version stand with it, and have forms of their own."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.db import transaction
from django.db.models import Count, Max, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from billing.admin.pages import OperatorAdmin, ReadOnly, link_to
from billing.admin.words import charge_words, meter_words
from billing.forms.price_forms import checked_currency
from billing.invoiced_from import note_of_invoices
from billing.models import Charge, Plan, PlanVersion
from billing.plans import copy_parts

# Generic in their type hints only.
if TYPE_CHECKING:
    _PlanForm = forms.ModelForm[Plan]
    _VersionForm = forms.ModelForm[PlanVersion]
    _ChargeInline = admin.TabularInline[Charge, PlanVersion]
    _VersionInline = admin.TabularInline[PlanVersion, Plan]
else:
    _PlanForm = _VersionForm = forms.ModelForm
    _ChargeInline = _VersionInline = admin.TabularInline


class ChargeInline(ReadOnly, _ChargeInline):
    """The charges of a version in a few words each; a link leads to each one's form."""

    model = Charge
    fields = readonly_fields = ("position", "edit", "counts", "price")

    @admin.display(description="Code")
    def edit(self, charge: Charge) -> str:
        return link_to(charge, charge.code)

    @admin.display(description="Counts")
    def counts(self, charge: Charge) -> str:
        return meter_words(charge.meter)

    @admin.display(description="Price")
    def price(self, charge: Charge) -> str:
        return charge_words(charge.charge)


class VersionInline(ReadOnly, _VersionInline):
    """The versions of a plan by the date they begin."""

    model = PlanVersion
    fields = readonly_fields = ("edit", "charges_in_it")

    @admin.display(description="Valid from")
    def edit(self, version: PlanVersion) -> str:
        return link_to(version, f"{version.valid_from}")

    @admin.display(description="Charges")
    def charges_in_it(self, version: PlanVersion) -> str:
        return ", ".join(charge.code for charge in version.charges.all()) or "none yet"

    def get_queryset(self, request: HttpRequest) -> "QuerySet[PlanVersion]":
        return super().get_queryset(request).prefetch_related("charges")


class PlanForm(_PlanForm):
    """A plan's code and currency."""

    class Meta:
        model = Plan
        fields = ("code", "currency")

    def clean_currency(self) -> str:
        currency = checked_currency(self.cleaned_data["currency"])
        others = self.instance.pk and self.instance.subscriptions.exclude(tenant__currency=currency)
        first = others.select_related("tenant").first() if others else None
        if first:
            raise forms.ValidationError(
                f"{first.tenant} on this plan is in {first.tenant.currency}"
            )
        return currency


@admin.register(Plan)
class PlanAdmin(OperatorAdmin):
    """What tenants are charged; the charges are in the versions."""

    form = PlanForm
    list_display = ("code", "currency", "versions_of_it", "latest", "tenants")
    list_filter = ("currency",)
    search_fields = ("code",)
    inlines = (VersionInline,)

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Any]":
        counted = {
            "n": Count("versions", distinct=True),
            "last": Max("versions__valid_from"),
            "on_it": Count("subscriptions__tenant", distinct=True),
        }
        found: QuerySet[Any] = super().get_queryset(request).annotate(**counted)
        return found

    @admin.display(description="Versions", ordering="n")
    def versions_of_it(self, plan: Any) -> int:
        return int(plan.n)

    @admin.display(description="Latest from", ordering="last")
    def latest(self, plan: Any) -> Any:
        return plan.last

    @admin.display(description="Tenants", ordering="on_it")
    def tenants(self, plan: Any) -> str:
        url = f"{reverse('admin:billing_subscription_changelist')}?plan__id__exact={plan.pk}"
        return format_html('<a href="{}">{}</a>', url, plan.on_it)

    def notes(self, obj: Plan) -> list[str]:
        url = f"{reverse('admin:billing_planversion_add')}?plan={obj.pk}"
        said = "Prices are changed from a date on by a new version: <a href='{}'>make one</a>."
        return [format_html(said, url)]


class VersionForm(_VersionForm):
    """A new version may begin with the charges of another."""

    copy_of = forms.ModelChoiceField(
        queryset=PlanVersion.objects.select_related("plan"),
        required=False,
        label="Begin with the charges of",
        help_text="they are copied, and can then be changed one by one",
    )

    class Meta:
        model = PlanVersion
        fields = "__all__"

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        plan, day = cleaned.get("plan"), cleaned.get("valid_from")
        if plan and day:
            same = plan.versions.filter(valid_from=day).exclude(pk=self.instance.pk)
            if same.exists():
                self.add_error("valid_from", f"{plan} has a version from this date already")
        return cleaned


@admin.register(PlanVersion)
class PlanVersionAdmin(OperatorAdmin):
    """The charges of a plan from a date on."""

    form = VersionForm
    change_form_template = "admin/billing/version_form.html"
    list_display = ("plan", "valid_from", "charges_in_it", "currency")
    list_display_links = ("plan", "valid_from")
    list_filter = ("plan",)
    search_fields = ("plan__code",)
    date_hierarchy = "valid_from"
    list_select_related = ("plan",)
    inlines = (ChargeInline,)

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Any]":
        found: QuerySet[Any] = super().get_queryset(request).annotate(n=Count("charges"))
        return found

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        found = [name for name in super().get_fields(request, obj) if name != "copy_of"]
        return found if obj else [*found, "copy_of"]

    @admin.display(description="Charges", ordering="n")
    def charges_in_it(self, version: Any) -> int:
        return int(version.n)

    @admin.display(description="Currency")
    def currency(self, version: PlanVersion) -> str:
        return version.plan.currency

    def notes(self, obj: PlanVersion) -> list[str]:
        return note_of_invoices(obj)

    def told(self, form: Any) -> Iterator[str]:
        return (text for text in super().told(form) if not text.startswith("copy of"))

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        source = form.cleaned_data.get("copy_of")
        if source is not None and not change:
            with transaction.atomic():
                copy_parts(source, form.instance)
