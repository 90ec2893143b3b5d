"""Members, in the operator's admin."""

from typing import TYPE_CHECKING

from django.contrib import admin

from dashboards.models import Membership

# Generic in its type hints only.
if TYPE_CHECKING:
    _Admin = admin.ModelAdmin[Membership]
else:
    _Admin = admin.ModelAdmin


@admin.register(Membership)
class MembershipAdmin(_Admin):
    """Who may look at which tenant."""

    list_display = ("user", "tenant", "role")
    list_filter = ("role", "tenant")
    search_fields = ("user__username", "tenant__slug")
