"""What the admin's pages of billing have in common: notes, history, and what is only looked at."""

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.db import models
from django.forms.widgets import Script
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html

from billing.fields import ExactDecimalField, OptionalDecimalField
from billing.forms.numbers import NumberField
from billing.rating.money import plain
from metering import audit
from metering.models import Tenant

# Generic in their type hints only.
if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Any]
    _Field = models.Field[Any, Any]
else:
    _ModelAdmin = admin.ModelAdmin
    _Field = models.Field


def scripts(*names: str) -> list[Script]:
    """Files of billing's own, run once the page is there."""
    return [Script(f"billing/{name}.js", defer=True) for name in names]


def link_to(obj: models.Model, text: str) -> str:
    """A link to the form of an object."""
    name = f"admin:{obj._meta.app_label}_{obj._meta.model_name}_change"
    return format_html('<a href="{}">{}</a>', reverse(name, args=[obj.pk]), text)


class ReadOnly:
    """Seen by whoever may view the model, changed by nobody."""

    def has_add_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False


class OperatorAdmin(_ModelAdmin):
    """Notes above the form, exact numbers in it, and a history that says what it was before."""

    change_form_template = "admin/billing/form.html"

    class Media:
        css = {"all": ("billing/forms.css",)}

    list_per_page = 50

    def notes(self, obj: Any) -> list[str]:
        """What whoever changes the object should know first."""
        return []

    def told(self, form: Any) -> Iterator[str]:
        """What a form changes, each as `field before → after`."""
        for name in form.changed_data:
            values = (form.initial.get(name), form.cleaned_data.get(name))
            before, after = (_told(form, name, value) for value in values)
            yield f"{name.replace('_', ' ')} {before} → {after}"

    def construct_change_message(
        self, request: HttpRequest, form: Any, formsets: Any, add: bool = False
    ) -> Any:
        found = super().construct_change_message(request, form, formsets, add)
        changes = [] if add else list(self.told(form))
        if not changes:
            return found
        others = [
            part for part in found if not ("changed" in part and "name" not in part["changed"])
        ]
        return [{"changed": {"fields": changes}}, *others]

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        self._audit("added", obj, message)
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        self._audit("changed", obj, message)
        return super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        for obj in queryset:
            self._audit("deleted", obj, [])
        return super().log_deletions(request, queryset)

    def _audit(self, verb: str, obj: Any, message: Any) -> None:
        """Into the log too that nobody can rewrite: the admin's history is a table like any."""
        name = f"{self.opts.verbose_name} {obj}"
        fields = [part["changed"].get("fields", []) for part in message if "changed" in part]
        details = {"changes": "; ".join(str(text) for some in fields for text in some)}
        tenant = getattr(obj, "tenant", None) if self.opts.model is not Tenant else obj
        tenant = None if verb == "deleted" and tenant is obj else tenant
        shown = {name: text for name, text in details.items() if text}
        audit.record(f"{self.opts.model_name}.{verb}", name, tenant, **shown)

    def formfield_for_dbfield(
        self, db_field: _Field, request: HttpRequest, **options: Any
    ) -> forms.Field | None:
        if isinstance(db_field, ExactDecimalField | OptionalDecimalField):
            return NumberField(
                label=str(db_field.verbose_name).capitalize(),
                required=not db_field.blank,
                help_text=options.get("help_text", db_field.help_text),
            )
        return super().formfield_for_dbfield(db_field, request, **options)

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> HttpResponse:
        context["notes"] = self.notes(obj) if obj is not None else []
        return super().render_change_form(request, context, add, change, form_url, obj)


def _told(form: forms.Form, name: str, value: object) -> str:
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, int) and isinstance(form.fields.get(name), forms.ModelChoiceField):
        field: Any = form.fields[name]
        return str(field.queryset.filter(pk=value).first() or value)
    return "none" if value in {None, ""} else str(value)
