"""The operator's view of where events are collected."""

from typing import TYPE_CHECKING

from django.contrib import admin

from metering.models import ChipSource

# Generic in its type hints only.
if TYPE_CHECKING:
    _ChipSourceAdmin = admin.ModelAdmin[ChipSource]
else:
    _ChipSourceAdmin = admin.ModelAdmin


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
