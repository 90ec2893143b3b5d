"""Rows of a form that can be added and removed: tiers, filters, dimensions to group by."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.forms.formsets import formset_factory

from billing.forms.numbers import NumberText
from metering.usage.meter import DIMENSIONS, LABEL, METRIC_DIMENSIONS

if TYPE_CHECKING:
    _FormSet = forms.BaseFormSet[forms.Form]
else:
    _FormSet = forms.BaseFormSet

MOST_ROWS = 200
DIMENSION_NAMES = tuple(
    dict.fromkeys(
        name for table in (DIMENSIONS, METRIC_DIMENSIONS) for n in table.values() for name in n
    )
)
_DIMENSION_CHOICES = [("", "–"), *((name, name) for name in DIMENSION_NAMES), (LABEL, "label …")]


class TierRow(forms.Form):
    """Prices above the tier before, up to and including `up_to`."""

    up_to = NumberText(label="Up to")
    price = NumberText(label="Price")
    flat_amount = NumberText(label="Flat amount")


class GroupRow(forms.Form):
    """A dimension; of a label its key."""

    dimension = forms.ChoiceField(label="By", choices=_DIMENSION_CHOICES, required=False)
    label = forms.CharField(label="Label", required=False, max_length=512, strip=False)


class FilterRow(GroupRow):
    """One value of a dimension that is counted; several of one dimension are alternatives."""

    dimension = forms.ChoiceField(label="Only where", choices=_DIMENSION_CHOICES, required=False)
    value = forms.CharField(label="is", required=False, max_length=1024, strip=False)


class RowSet(_FormSet):
    """Rows without a past: each is as it is sent, and one that is empty is not there."""

    @classmethod
    def shown(
        cls, prefix: str, rows: Sequence[Mapping[str, Any]], data: Any = None, *, blank: int = 1
    ) -> "RowSet":
        """The rows as sent, else those given and some blank ones to fill in."""
        if data is not None:
            return cls(data, prefix=prefix)
        found = cls(prefix=prefix, initial=list(rows))
        found.extra = len(rows) + blank
        return found

    def initial_form_count(self) -> int:
        return 0

    @property
    def kept(self) -> list[forms.Form]:
        """The rows that say something."""
        return [
            form
            for form in self.forms
            if getattr(form, "cleaned_data", None) and not form.cleaned_data.get("DELETE")
        ]

    @property
    def values(self) -> list[dict[str, Any]]:
        return [form.cleaned_data for form in self.kept]


def _rows(row: type[forms.Form]) -> type[RowSet]:
    options: Any = {"can_delete": True, "max_num": MOST_ROWS, "validate_max": True}
    return cast(type[RowSet], formset_factory(row, formset=RowSet, **options))


TierRows, FilterRows, GroupRows = _rows(TierRow), _rows(FilterRow), _rows(GroupRow)
