"""The operator's view of where events are collected, of alerts, and of who did what."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.http import HttpRequest

from metering.models import Alert, AuditEntry, ChipSource, IngestionAlert

# Generic in its type hints only.
if TYPE_CHECKING:
    _ChipSourceAdmin = admin.ModelAdmin[ChipSource]
    _Admin = admin.ModelAdmin[Any]
else:
    _ChipSourceAdmin = _Admin = admin.ModelAdmin


@admin.register(ChipSource)
class ChipSourceAdmin(_ChipSourceAdmin):
    """Sources of chip telemetry, with when they were last asked and what went wrong."""

    list_display = (
        "tenant",
        "kind",
        "url",
        "every_seconds",
        "enabled",
        "last_run_at",
        "last_error",
    )
    list_filter = ("kind", "enabled", "tenant")
    search_fields = ("url", "tenant__slug")
    readonly_fields = ("last_run_at", "last_error")


class Looked(_Admin):
    """Looked at, and changed by nobody."""

    list_per_page = 50
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(AuditEntry)
class AuditEntryAdmin(Looked):
    """Who did what; `verify_audit` says whether any of it was touched."""

    list_display = ("moment", "actor", "action", "subject", "chain")
    list_filter = ("action",)
    search_fields = ("actor", "subject")
    list_select_related = ("chain",)
    date_hierarchy = "moment"


@admin.register(Alert)
class AlertAdmin(Looked):
    """Hit rates that were too low."""

    list_display = ("tenant", "kind", "fired_at", "cleared_at", "value", "lowest")
    list_filter = ("kind",)
    search_fields = ("tenant__slug",)
    list_select_related = ("tenant",)


@admin.register(IngestionAlert)
class IngestionAlertAdmin(Looked):
    """Hours in which not everything that came is where it should be."""

    list_display = ("tenant", "hour", "detail")
    search_fields = ("tenant__slug",)
    list_select_related = ("tenant",)
