"""A charge edited as a form: what is wrong stands beside its field or in its row."""

from collections.abc import Iterator
from typing import Any

from django import forms

from billing.charges import check_charge
from billing.forms import charge_fields, charge_json, meter_json
from billing.forms.charge_places import place_of
from billing.forms.numbers import problem_of
from billing.forms.row_form import RowForm, differences
from billing.forms.rows import FilterRows, GroupRows, TierRows
from billing.models import Charge, PlanVersion
from billing.rating.charge import parse_charge
from billing.rating.errors import ChargeError
from metering.usage.meter import MeterError, parse_meter

_LOST = (
    "This charge says more than the fields below can show, so saving is refused. Change it with"
    " `manage.py apply`; it is: "
)


class ChargeForm(RowForm):
    """`charge` and `meter` of the instance are what fields and rows say once the form is valid."""

    class Meta:
        model = Charge
        fields = ("version", "position", "code")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields |= charge_fields.fields()
        self.fields["position"].required = False
        self.charge, self.meter = self.instance.charge, self.instance.meter
        self.lost = self._show() if self.instance.pk else ""
        data = self.data if self.is_bound else None
        charge, meter = self.charge, self.meter
        tiers, filters, groups = ([], [], []) if self.lost or not charge else _rows(charge, meter)
        self.rows = {
            "tiers": TierRows.shown("tiers", tiers, data, blank=0 if tiers else 3),
            "filters": FilterRows.shown("filters", filters, data, blank=0 if filters else 1),
            "groups": GroupRows.shown("groups", groups, data, blank=0 if groups else 1),
        }

    def _show(self) -> str:
        """Fill the fields from the instance; what they cannot show in full is named."""
        charge, meter = self.charge, self.meter
        try:
            shown = charge_json.charge_values(charge) | meter_json.meter_values(meter)
            tiers, *rows = _rows(charge, meter)
            again = charge_json.charge_json(shown, tiers), meter_json.meter_json(shown, *rows)
        except (ValueError, TypeError, AttributeError):
            return f"{_LOST}{charge} {meter or ''}"
        self.initial.update(shown)
        # One that was wrong to begin with may be put right here.
        lost = _meaning(charge, meter) is not None and not _same(again, (charge, meter))
        return f"{_LOST}{charge} {meter or ''}" if lost else ""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if self.lost:
            raise forms.ValidationError(self.lost)
        self.check_rows()
        if not set(self.errors) - set(self.Meta.fields):
            self._read()
        if cleaned.get("position") is None:
            cleaned["position"] = self._next_position(cleaned.get("version"))
        self._check_code()
        return cleaned

    def _read(self) -> None:
        tiers, filters, groups = (rows.values for rows in self.rows.values())
        charge = charge_json.charge_json(self.cleaned_data, tiers)
        meter = meter_json.meter_json(self.cleaned_data, filters, groups)
        try:
            check_charge(charge, meter)
        except ChargeError as error:
            self._place(error)
            return
        # What says the same is left as it was written.
        if not _same((charge, meter), (self.charge, self.meter)):
            self.instance.charge, self.instance.meter = charge, meter

    def _place(self, error: ChargeError) -> None:
        field = place_of(error.path, self.cleaned_data)
        problem = problem_of(error)
        kept = self.rows[field.rows].kept if field.rows else []
        if field.row < len(kept):
            kept[field.row].add_error(field.name, problem)
        if field.rows or field.name is None:
            self.add_error(None, f"{field.told or error.path}: {problem}")
        else:
            self.add_error(field.name, problem)

    def _next_position(self, version: PlanVersion | None) -> int:
        last = version.charges.order_by("-position").first() if version else None
        return last.position + 1 if last else 1

    def _check_code(self) -> None:
        version, code = self.cleaned_data.get("version"), self.cleaned_data.get("code")
        if version is None or not code:
            return
        others = version.charges.filter(code=code).exclude(pk=self.instance.pk)
        if others.exists():
            self.add_error("code", f"{version} has a charge of this code already")

    def charge_errors(self) -> dict[str, list[str]]:
        """What is wrong with the charge itself, wherever it is to stand."""
        found = self.all_errors()
        return {name: said for name, said in found.items() if name not in self.Meta.fields}

    def changes(self) -> Iterator[str]:
        """What a saved form changed, each as `path before → after`."""
        yield from differences(self.charge, self.instance.charge)
        yield from differences(self.meter, self.instance.meter, "meter")


def _rows(charge: Any, meter: Any) -> tuple[list[Any], list[Any], list[Any]]:
    price = charge_json.tier_price(charge.get("model"))
    return (
        charge_json.tier_values(charge.get(charge_json.TIERS), price),
        meter_json.filter_rows(meter),
        meter_json.group_rows(meter),
    )


def _same(one: tuple[Any, Any], other: tuple[Any, Any]) -> bool:
    """Whether two charges with their meters mean the same."""
    return one == other or (_meaning(*one) is not None and _meaning(*one) == _meaning(*other))


def _meaning(charge: object, meter: object) -> tuple[object, object] | None:
    """What both say, however it is written; None where it is wrong."""
    try:
        return parse_charge(charge), None if meter is None else parse_meter(meter)
    except (ChargeError, MeterError):
        return None
