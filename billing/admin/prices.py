"""The operator's cost book, and the public catalogue behind it."""

from typing import TYPE_CHECKING

from django.contrib import admin

from billing.admin.pages import OperatorAdmin, ReadOnly
from billing.catalogue.revision import CatalogueRevision
from billing.forms.price_forms import TOKEN_CLASSES, ChipPriceForm, TokenPriceForm, ToolPriceForm
from billing.models import ChipPrice, TokenPrice, ToolPrice
from billing.rating.money import plain

# Generic in its type hints only.
if TYPE_CHECKING:
    _RevisionAdmin = admin.ModelAdmin[CatalogueRevision]
else:
    _RevisionAdmin = admin.ModelAdmin


@admin.register(TokenPrice)
class TokenPriceAdmin(OperatorAdmin):
    """What a model's tokens cost the operator."""

    form = TokenPriceForm
    list_display = ("model", "provider", "tier", "valid_from", "prices", "for_tokens", "currency")
    list_filter = ("provider", "currency", "modality", "service_tier")
    search_fields = ("model", "provider")
    date_hierarchy = "valid_from"
    save_as = True
    fieldsets = (
        (None, {"fields": ("provider", "model", "valid_from")}),
        ("Which calls", {"fields": ("modality", "service_tier", "above_prompt_tokens")}),
        ("Prices", {"fields": ("currency", "per", *TOKEN_CLASSES)}),
    )

    @admin.display(description="Calls")
    def tier(self, price: TokenPrice) -> str:
        above = f"above {price.above_prompt_tokens:,}" if price.above_prompt_tokens else ""
        modality = "" if price.modality == "text" else price.modality
        return ", ".join(filter(None, (modality, price.service_tier, above))) or "all"

    @admin.display(description="Input · cache read · cache write · long · output")
    def prices(self, price: TokenPrice) -> str:
        found = [getattr(price, name) for name in TOKEN_CLASSES]
        return " · ".join("–" if value is None else plain(value) for value in found)

    @admin.display(description="For tokens", ordering="per")
    def for_tokens(self, price: TokenPrice) -> str:
        return f"{price.per:,}"


@admin.register(ChipPrice)
class ChipPriceAdmin(OperatorAdmin):
    """What a chip costs the operator."""

    form = ChipPriceForm
    list_display = ("chip", "valid_from", "price", "currency")
    list_filter = ("currency",)
    search_fields = ("chip",)
    save_as = True

    @admin.display(description="A second")
    def price(self, price: ChipPrice) -> str:
        return plain(price.per_second)


@admin.register(ToolPrice)
class ToolPriceAdmin(OperatorAdmin):
    """What a tool costs the operator."""

    form = ToolPriceForm
    list_display = ("tool", "valid_from", "price", "currency")
    list_filter = ("currency",)
    search_fields = ("tool",)
    save_as = True

    @admin.display(description="A unit")
    def price(self, price: ToolPrice) -> str:
        return plain(price.per_unit)


@admin.register(CatalogueRevision)
class CatalogueRevisionAdmin(ReadOnly, _RevisionAdmin):
    """List prices for models that the book has no price of; `seed_prices` brings a new one."""

    list_display = ("number", "source", "seeded_at")
    fields = ("number", "source", "seeded_at")
