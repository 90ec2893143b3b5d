"""Stripe's side for the operator: what waits, what is dead and why, and what came."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from billing.stripe_sync.queued import revive
from billing.stripe_sync.records import StripeCustomer, StripeEvent, StripePush
from metering import audit

# Generic in their type hints only.
if TYPE_CHECKING:
    _PushAdmin = admin.ModelAdmin[StripePush]
    _EventAdmin = admin.ModelAdmin[StripeEvent]
    _CustomerAdmin = admin.ModelAdmin[StripeCustomer]
else:
    _PushAdmin = _EventAdmin = _CustomerAdmin = admin.ModelAdmin


class _Looked:
    """Looked at, and at most tried again."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        # Of the list, for its action; no field of a row can be written.
        return obj is None and bool(request.user.is_active and request.user.is_superuser)

    @admin.action(description="Try the dead ones again")
    def try_again(self, request: HttpRequest, rows: "QuerySet[Any]") -> None:
        count = revive(rows)
        audit.record("stripe.retried", f"{count} × {rows.model._meta.verbose_name}")
        messages.info(request, f"{count} will be tried again")


@admin.register(StripePush)
class StripePushAdmin(_Looked, _PushAdmin):
    """The outbox."""

    list_display = ("invoice", "state", "attempts", "due_at", "remote_id", "last_error")
    list_filter = ("state",)
    actions = ("try_again",)
    search_fields = ("invoice__number", "invoice__tenant__slug", "remote_id")
    list_select_related = ("invoice__tenant",)


@admin.register(StripeEvent)
class StripeEventAdmin(_Looked, _EventAdmin):
    """The inbox."""

    list_display = ("event_id", "type", "received_at", "state", "outcome", "last_error")
    list_filter = ("state", "type")
    actions = ("try_again",)
    search_fields = ("event_id",)


@admin.register(StripeCustomer)
class StripeCustomerAdmin(_CustomerAdmin):
    """Tenants at Stripe; one who is a customer there already is written down here by hand."""

    list_display = ("tenant", "remote_id", "created_at")
    search_fields = ("tenant__slug", "remote_id")

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False
