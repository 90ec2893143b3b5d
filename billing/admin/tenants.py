"""Tenants, and which plan each is on."""

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html

from billing.admin.pages import OperatorAdmin, ReadOnly, link_to
from billing.models import BurstContract, Invoice, Subscription
from billing.parties import BillingDetails
from metering.models import ApiKey, Tenant

# Generic in their type hints only.
if TYPE_CHECKING:
    _TenantForm = forms.ModelForm[Tenant]
    _SubscriptionForm = forms.ModelForm[Subscription]
    _SubscriptionInline = admin.TabularInline[Subscription, Tenant]
    _ContractInline = admin.TabularInline[BurstContract, Tenant]
    _DetailsInline = admin.StackedInline[BillingDetails, Tenant]
    _KeyAdmin = admin.ModelAdmin[ApiKey]
else:
    _DetailsInline = admin.StackedInline
    _TenantForm = _SubscriptionForm = forms.ModelForm
    _SubscriptionInline = _ContractInline = admin.TabularInline
    _KeyAdmin = admin.ModelAdmin


class SubscriptionForm(_SubscriptionForm):
    """A tenant and its plan have one currency; an invoiced month keeps the plan it had."""

    class Meta:
        model = Subscription
        fields = "__all__"

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        tenant, plan = cleaned.get("tenant"), cleaned.get("plan")
        if tenant and plan and tenant.currency != plan.currency:
            said = f"is in {plan.currency}, but {tenant} in {tenant.currency}"
            self.add_error("plan", said)
        return cleaned


class SubscriptionInline(ReadOnly, _SubscriptionInline):
    """The plans of a tenant by the date they begin."""

    model = Subscription
    fields = readonly_fields = ("edit", "valid_from")

    @admin.display(description="Plan")
    def edit(self, subscription: Subscription) -> str:
        return link_to(subscription, f"{subscription.plan}")


class ContractInline(ReadOnly, _ContractInline):
    """The burst contracts of a tenant."""

    model = BurstContract
    fields = readonly_fields = ("edit", "valid_from", "baseline", "on_demand_price")

    @admin.display(description="Chip")
    def edit(self, contract: BurstContract) -> str:
        return link_to(contract, contract.chip)


class DetailsInline(_DetailsInline):
    """What the tenant's invoices say of it; those that are finalized keep what they said."""

    model = BillingDetails
    verbose_name_plural = "on its invoices"
    can_delete = False


class TenantForm(_TenantForm):
    """What concerns the whole of a tenant."""

    class Meta:
        model = Tenant
        fields = "__all__"

    def clean_currency(self) -> str:
        currency: str = self.cleaned_data["currency"]
        if not self.instance.pk or currency == self.instance.currency:
            return currency
        other = Subscription.objects.filter(tenant=self.instance).exclude(plan__currency=currency)
        if found := other.select_related("plan").first():
            said = f"its plan {found.plan} is in {found.plan.currency}"
            raise forms.ValidationError(said)
        return currency

    def clean_tax_percent(self) -> Any:
        percent = self.cleaned_data["tax_percent"]
        if percent is not None and not 0 <= percent <= 100:
            raise forms.ValidationError("must be from 0 to 100")
        return percent


@admin.register(Tenant)
class TenantAdmin(OperatorAdmin):
    """The buyers of the platform. One that is made stays: its events and its log are for ever."""

    form = TenantForm
    list_display = ("slug", "name", "plan", "currency", "timezone", "tax", "last_total", "pages")
    list_filter = ("currency", "subscriptions__plan")
    search_fields = ("slug", "name")
    date_hierarchy = "created_at"
    inlines = (DetailsInline, SubscriptionInline, ContractInline)

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Any]":
        today = timezone.now().date()
        plans = Subscription.objects.filter(tenant=OuterRef("pk"), valid_from__lte=today)
        invoices = Invoice.objects.filter(tenant=OuterRef("pk")).exclude(status="draft")
        last = invoices.order_by("-month", "-pk")
        found: QuerySet[Any] = super().get_queryset(request)
        annotated: QuerySet[Any] = found.annotate(
            plan_now=Subquery(plans.order_by("-valid_from").values("plan__code")[:1]),
            invoiced=Subquery(last.values("total")[:1]),
            invoiced_month=Subquery(last.values("month")[:1]),
        )
        return annotated

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("slug", "created_at") if obj else ("created_at",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description="Plan", empty_value="none", ordering="plan_now")
    def plan(self, tenant: Any) -> Any:
        return tenant.plan_now

    @admin.display(description="Tax, %", ordering="tax_percent")
    def tax(self, tenant: Tenant) -> str:
        return f"{tenant.tax_percent.normalize():f}"

    @admin.display(description="Last invoice", empty_value="–")
    def last_total(self, tenant: Any) -> str | None:
        if tenant.invoiced is None:
            return None
        return f"{tenant.invoiced:,f} {tenant.currency} for {tenant.invoiced_month:%Y-%m}"

    @admin.display(description="")
    def pages(self, tenant: Tenant) -> str:
        return format_html('<a href="/?tenant={}">its pages</a>', tenant.slug)

    def notes(self, obj: Tenant) -> list[str]:
        plan, contract = (
            f"{reverse(f'admin:billing_{name}_add')}?tenant={obj.pk}"
            for name in ("subscription", "burstcontract")
        )
        said = "<a href='{}'>Put it on a plan</a> · <a href='{}'>add a burst contract</a>"
        return [format_html(said, plan, contract)]


@admin.register(Subscription)
class SubscriptionAdmin(OperatorAdmin):
    """Which plan a tenant is on from a date on."""

    form = SubscriptionForm
    list_display = ("tenant", "plan", "valid_from", "currency")
    list_filter = ("plan",)
    search_fields = ("tenant__slug", "tenant__name", "plan__code")
    list_select_related = ("tenant", "plan")
    autocomplete_fields = ("tenant", "plan")

    @admin.display(description="Currency")
    def currency(self, subscription: Subscription) -> str:
        return subscription.plan.currency

    def notes(self, obj: Subscription) -> list[str]:
        last = (
            Invoice.objects.filter(tenant=obj.tenant_id)
            .exclude(status__in=[Invoice.Status.DRAFT, Invoice.Status.VOID])
            .order_by("-month")
            .first()
        )
        if last is None:
            return []
        return [
            f"{obj.tenant} is invoiced to the end of {last.month:%B %Y}: what is finalized stays."
        ]


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnly, _KeyAdmin):
    """Keys are made and revoked by command or by the tenant; their digests are shown to nobody."""

    list_display = ("hint", "tenant", "scopes", "created_at", "last_used_at", "revoked_at")
    list_filter = ("revoked_at", "tenant")
    search_fields = ("hint", "tenant__slug")
    list_select_related = ("tenant",)
    fields = ("tenant", "hint", "scopes", "created_at", "revoked_at")
