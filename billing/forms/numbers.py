"""Form fields for exact numbers: what is typed is kept digit by digit, and no float ever arises."""

from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from billing.rating.errors import ChargeError
from billing.rating.money import plain
from billing.rating.numeric import not_negative


def problem_of(error: ChargeError) -> str:
    """What is wrong, without the path: it stands beside the field."""
    return str(error).removeprefix(f"{error.path}: ")


class NumberText(forms.CharField):
    """A number that is not negative, as the text it was typed as; blank is the empty text."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("required", False)
        options.setdefault("max_length", 200)
        super().__init__(**options)
        self.widget.attrs |= {"inputmode": "decimal", "autocomplete": "off", "class": "number"}

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if text in self.empty_values:
            return text
        try:
            not_negative(text, "number")
        except ChargeError as error:
            raise ValidationError(problem_of(error)) from error
        return text


class NumberField(NumberText):
    """The same as a Decimal; blank is None."""

    def clean(self, value: Any) -> Decimal | None:
        text = super().clean(value)
        return Decimal(text) if text else None

    def prepare_value(self, value: Any) -> Any:
        return plain(value) if isinstance(value, Decimal) else value

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(self.prepare_value(initial), data)
