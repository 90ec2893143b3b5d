"""A burst contract edited as a form, its tiers as rows."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from django import forms

from billing.forms.charge_json import tier_values, tiers_json
from billing.forms.charge_places import place_of
from billing.forms.numbers import NumberField, problem_of
from billing.forms.row_form import RowForm, differences
from billing.forms.rows import TierRows
from billing.models import BurstContract
from billing.rating.burst import parse_burst_prices
from billing.rating.errors import ChargeError
from billing.rating.money import ZERO, plain
from metering.usage.burst_terms import BurstTerms

PRICES = ("baseline_price", "on_demand_price", "idle_factor", "cold_start_fee")
QUANTITIES = ("baseline", "credit_accrual", "credit_cap")
MILLISECONDS = ("granularity_ms", "minimum_ms")
_MOST_MILLISECONDS = 86_400_000
_HELP = {
    "baseline": "chips held all the time",
    "baseline_price": "for each chip-second of the baseline, used or not",
    "on_demand_price": "for a chip-second; what reserved and idle chips are reckoned by",
    "idle_factor": "part of the on-demand price that an idle chip costs",
    "cold_start_fee": "for each cold start",
    "credit_accrual": "chip-seconds earned for each chip-second below the baseline",
    "credit_cap": "the most chip-seconds that can be saved up",
    "granularity_ms": "an interval counts in whole steps of so many",
    "minimum_ms": "an interval counts at least so many",
}


class ContractForm(RowForm):
    """The tiers of the instance are what the rows say once the form is valid."""

    class Meta:
        model = BurstContract
        fields = ("tenant", "chip", "valid_from", *QUANTITIES, *PRICES, *MILLISECONDS)
        field_classes = dict.fromkeys((*QUANTITIES, *PRICES), NumberField)
        widgets = dict.fromkeys((*QUANTITIES, *PRICES), forms.TextInput)
        help_texts = _HELP

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.before = self.instance.burst_tiers
        for name in (*QUANTITIES, *PRICES):
            self.fields[name].required = name not in {"credit_accrual", "credit_cap"}
        for name, least in zip(MILLISECONDS, (1, 0), strict=True):
            field: Any = self.fields[name]
            field.min_value, field.max_value = least, _MOST_MILLISECONDS
        rows = tier_values(self.before, "unit_amount") if self.instance.pk else []
        data = self.data if self.is_bound else None
        self.rows = {"tiers": TierRows.shown("tiers", rows, data, blank=0 if rows else 2)}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        for name in ("credit_accrual", "credit_cap"):
            cleaned[name] = cleaned.get(name) or ZERO
        for name, least in zip(MILLISECONDS, (1, 0), strict=True):
            given = cleaned.get(name)
            if given is not None and not least <= given <= _MOST_MILLISECONDS:
                self.add_error(name, f"must be from {least} to {_MOST_MILLISECONDS}")
        if self.check_rows() and not self.errors:
            self._read(cleaned)
        return cleaned

    def _read(self, cleaned: dict[str, Any]) -> None:
        tiers = tiers_json(self.rows["tiers"].values, "unit_amount")
        prices = {name: plain(cleaned[name]) for name in PRICES} | {"burst_tiers": tiers}
        try:
            parse_burst_prices(prices, path="")
        except ChargeError as error:
            self._place(error)
            return
        try:
            BurstTerms(**{name: cleaned[name] for name in (*QUANTITIES, *MILLISECONDS)})
        except ValueError as error:
            name, _, problem = str(error).partition(": ")
            self.add_error(name, problem)
            return
        if _decimals(tiers) != _decimals(self.before):
            self.instance.burst_tiers = tiers

    def _place(self, error: ChargeError) -> None:
        place = place_of(error.path.replace("burst_tiers", "charge.tiers"), {})
        kept = self.rows["tiers"].kept
        if place.rows and place.row < len(kept):
            kept[place.row].add_error(place.name, problem_of(error))
        self.add_error(None, f"{place.told or 'Tiers'}: {problem_of(error)}")

    def changes(self) -> Iterator[str]:
        """What a saved form changed of the tiers."""
        yield from differences(self.before, self.instance.burst_tiers, "tiers")


def _decimals(tiers: Any) -> list[dict[str, Decimal | None]]:
    """Tiers by what they are worth, however they are written."""
    return [
        {name: None if value is None else Decimal(value) for name, value in tier.items()}
        for tier in tiers or []
    ]
