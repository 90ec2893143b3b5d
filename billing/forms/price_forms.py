"""Cost prices edited as forms."""

from typing import TYPE_CHECKING, Any

from django import forms

from billing.forms.numbers import NumberField
from billing.models import ChipPrice, TokenPrice, ToolPrice
from billing.rating.money import minor_units

# Generic in their type hints only.
if TYPE_CHECKING:
    _TokenForm = forms.ModelForm[TokenPrice]
    _ChipForm = forms.ModelForm[ChipPrice]
    _ToolForm = forms.ModelForm[ToolPrice]
else:
    _TokenForm = _ChipForm = _ToolForm = forms.ModelForm

TOKEN_CLASSES = ("input", "cache_read", "cache_write", "cache_write_long", "output")


def checked_currency(text: str) -> str:
    """A currency as ISO 4217 writes it."""
    try:
        minor_units(text)
    except ValueError as error:
        raise forms.ValidationError(str(error)) from error
    return text


class TokenPriceForm(_TokenForm):
    """A class left blank has no price; free is 0."""

    class Meta:
        model = TokenPrice
        fields = (*TokenPrice.KEY, "currency", "per", *TOKEN_CLASSES)
        field_classes = dict.fromkeys(TOKEN_CLASSES, NumberField)
        widgets = dict.fromkeys(TOKEN_CLASSES, forms.TextInput)
        help_texts = {
            "provider": "left blank it serves calls of any provider",
            "service_tier": "such as batch; left blank it is the plain one",
            "above_prompt_tokens": "for prompts longer than this; 0 serves any",
            "per": "tokens that the prices are for, mostly 1000000",
            "input": "blank is no price, so what needs it is unpriced; free is 0",
            "cache_write_long": "left blank it is the price of a cache write",
        }

    def clean_currency(self) -> str:
        return checked_currency(self.cleaned_data["currency"])

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if (cleaned.get("per") or 0) < 1 and "per" not in self.errors:
            self.add_error("per", "must be at least 1")
        if not any(name in self.errors or cleaned.get(name) is not None for name in TOKEN_CLASSES):
            self.add_error("input", f"or another of {', '.join(TOKEN_CLASSES)} is missing")
        return cleaned


class ChipPriceForm(_ChipForm):
    """What a second of a chip costs the operator."""

    class Meta:
        model = ChipPrice
        fields = ("chip", "valid_from", "currency", "per_second")
        field_classes = {"per_second": NumberField}
        widgets = {"per_second": forms.TextInput}

    def clean_currency(self) -> str:
        return checked_currency(self.cleaned_data["currency"])


class ToolPriceForm(_ToolForm):
    """What a unit of a tool costs the operator."""

    class Meta:
        model = ToolPrice
        fields = ("tool", "valid_from", "currency", "per_unit")
        field_classes = {"per_unit": NumberField}
        widgets = {"per_unit": forms.TextInput}

    def clean_currency(self) -> str:
        return checked_currency(self.cleaned_data["currency"])
